"""The context columns a rule may read beside its record: the one list of them.

Whoever brings records to judgement (intake for a file, the API for one record) joins exactly these
columns beside each row, NULL where a value is not there. `needs` says what must be at hand to know
the value: the row (with the profile and the day), the whole file, or the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Needs = Literal["row", "file", "ledger"]
ColumnType = Literal["text", "date", "integer", "bigint", "boolean", "instant"]

DATASETS = (
    "member",
    "subject",
    "account",
    "account_party",
    "snapshot",
    "event",
    "agreement",
    "guarantee",
    "funding",
    "payment",
    "remark",
    "consent",
    "correction",
    "deletion",
)
_ON_ACCOUNT = ("snapshot", "event", "account_party", "funding", "guarantee", "remark")
_WAITING = ("subject", "account", "agreement", "payment", "snapshot", "event", "account_party",
            "funding", "guarantee", "remark")  # fmt: skip
_MONTHLY = ("snapshot", "payment")


@dataclass(frozen=True, slots=True)
class ContextColumn:
    """One column joined beside a record."""

    name: str
    type: ColumnType
    datasets: tuple[str, ...]
    needs: Needs
    meaning: str


def _columns(
    datasets: Iterable[str], needs: Needs, *rows: tuple[str, ColumnType, str]
) -> tuple[ContextColumn, ...]:
    return tuple(
        ContextColumn(name, kind, tuple(datasets), needs, text) for name, kind, text in rows
    )


#: What is read of the months on file on both sides of one that comes late.
AROUND = (
    "next_bucket_rank",
    "next_bucket_kind",
    "next_months_later",
    "before_bucket_rank",
    "before_bucket_kind",
    "before_months_earlier",
)
#: What is read of the dates of first delinquency in other months, and in the month itself.
FIRST_DAYS = (
    "held_first_delinquency_on",
    "held_period_end",
    "next_first_delinquency_on",
    "on_file_first_delinquency_on",
)
CONTEXT: tuple[ContextColumn, ...] = (
    *_columns(
        DATASETS,
        "row",
        (
            "judged_on",
            "date",
            "The day of judging in the profile's time zone; beside an event, in its own offset.",
        ),
        ("is_test_mode", "boolean", "The bureau runs in test mode."),
    ),
    *_columns(
        DATASETS,
        "file",
        ("duplicate_line_no", "bigint", "First line of the file with the same key; NULL on it."),
        ("duplicate_is_equal", "boolean", "That line says the same."),
    ),
    *_columns(
        DATASETS,
        "ledger",
        (
            "is_deleted",
            "boolean",
            "The same key, or the account or person itself that it is of, is hidden by a deletion.",
        ),
        (
            "consent_state",
            "text",
            "For rows with a consent_ref that say something new: active, withdrawn, expired,"
            " not_yet, unknown, other_subject, other_recipient or other_purpose.",
        ),
        ("exists_already", "boolean", "The same key is on the ledger and says something else."),
        (
            "is_open_period",
            "boolean",
            "The profile still takes a restatement of this period.",
        ),
        (
            "parent_exists",
            "boolean",
            "The account or person the record hangs on is known and not deleted.",
        ),
        (
            "parent_is_own",
            "boolean",
            "That account or person was the sender's own at the time; of a member's facts: they are"
            " the sender's.",
        ),
    ),
    *_columns(
        _WAITING,
        "ledger",
        (
            "newer_was_taken",
            "boolean",
            "The row waited, and what its sender sent of the same key later was taken first and"
            " differs, or is a deletion. False of rows that did not wait.",
        ),
    ),
    *_columns(
        _ON_ACCOUNT,
        "ledger",
        ("account_opened_on", "date", "The account's opening day."),
        ("account_closed_on", "date", "The account's closing day."),
        ("account_currency", "text", "The account's currency."),
        ("account_product", "text", "The account's product."),
        ("account_credit_limit_minor", "bigint", "The account's credit limit."),
        ("account_principal_minor", "bigint", "The amount lent."),
        ("account_maturity_on", "date", "The account's maturity."),
        ("account_basis", "text", "The account's basis for furnishing."),
    ),
    *_columns(
        _MONTHLY,
        "row",
        ("bucket_rank", "integer", "0 current, 1 and up late, NULL unknown or closed."),
        (
            "bucket_kind",
            "text",
            "current, late, closed, unknown, nothing_due, not_open or loss.",
        ),
        ("bucket_days_min", "integer", "Fewest days past due of the bucket."),
        ("bucket_days_max", "integer", "Most days past due of the bucket; NULL without an end."),
        ("bucket_max_rank", "integer", "The worst rank of the profile's code set."),
    ),
    *_columns(
        _MONTHLY,
        "ledger",
        ("prev_period_end", "date", "Newest earlier period known, in the file or the ledger."),
        ("prev_bucket_rank", "integer", "Its bucket's rank."),
        ("prev_bucket_kind", "text", "Its bucket's kind."),
        ("prev_balance_minor", "bigint", "Its balance."),
        ("prev_first_delinquency_on", "date", "Its date of first delinquency."),
        ("prev_status", "text", "Its account status."),
        ("prev_is_adjacent", "boolean", "It is the period right before this one."),
        ("reopened_since", "boolean", "A reopened event lies between it and this period's end."),
    ),
    *_columns(
        ("snapshot",),
        "ledger",
        (
            "next_bucket_rank",
            "integer",
            "Of a month that comes late: the rank of the nearest later month on file; NULL where"
            " the file has one as near, or says what is on file.",
        ),
        ("next_bucket_kind", "text", "The kind of that month's bucket."),
        ("next_months_later", "integer", "How many months later that is."),
        (
            "before_bucket_rank",
            "integer",
            "Of a month that comes late: the rank of the nearest earlier month on file.",
        ),
        ("before_bucket_kind", "text", "The kind of that month's bucket."),
        ("before_months_earlier", "integer", "How many months earlier that is."),
        (
            "on_file_is_own",
            "boolean",
            "The month as it is on file was furnished by the sender; NULL where it is not on file.",
        ),
        (
            "held_first_delinquency_on",
            "date",
            "The date of first delinquency of the nearest earlier month with one, in the file or on"
            " file, if no month since says that the account was not late; NULL where the newest"
            " earlier month and this one are late and have one each.",
        ),
        ("held_period_end", "date", "The end of that month."),
        (
            "next_first_delinquency_on",
            "date",
            "Of a month that comes late: that date of the nearest later month on file with one, if"
            " no month before it says that the account was not late.",
        ),
        (
            "on_file_first_delinquency_on",
            "date",
            "Of a month sent again with other content: that date as it is on file, unless the"
            " account was not late there; NULL for a correction.",
        ),
        (
            "closing_event_on",
            "date",
            "The day of the sender's newest closed event at or before the period's end, unless its"
            " reopened event lies between.",
        ),
        (
            "account_closed_reason",
            "text",
            "Why the account was closed; NULL unless the month, at or after the closing, is"
            " written_off, sold or in_recovery.",
        ),
        (
            "reopened_since_closing",
            "boolean",
            "A reopened event lies between the account's closing day and the period's end.",
        ),
    ),
    *_columns(
        ("event",),
        "ledger",
        (
            "lived_on",
            "date",
            "Of a closed event: the end of the sender's newest month on file at or after its day"
            " with a balance or an open, frozen or inactive account, unless a reopened event, on"
            " file or in the file, lies between.",
        ),
    ),
    *_columns(
        ("event",),
        "ledger",
        (
            "leaves_account_open",
            "boolean",
            "The event is closed or sold, and neither terms on file nor the status or bucket of a"
            " month at or after it say that the account is closed, or a reopened event lies between"
            " the closing and it; NULL where the account is another's by now or a reopened event"
            " lies at or after it.",
        ),
        (
            "was_reopened",
            "boolean",
            "A reopened event, on file or in the file, lies between the account's closing day and"
            " the event's own.",
        ),
    ),
    *_columns(
        ("account",),
        "ledger",
        ("on_file_opened_on", "date", "Opening day on file."),
        ("on_file_product", "text", "Product on file."),
        ("on_file_currency", "text", "Currency on file."),
        (
            "on_file_closed_on",
            "date",
            "Closing day on file; NULL for terms without one that are older than the newest on"
            " file, or where a reopened event lies at or after it.",
        ),
        (
            "owed_on",
            "date",
            "End of the newest month on file, at or after the closing day, that has a balance and"
            " is open, frozen, inactive or closed; unless a reopened event lies between, or newer"
            " terms, on file or in the file, close the account later or not at all.",
        ),
        (
            "owed_given_up_on",
            "date",
            "The same of months that are written_off, sold or in_recovery.",
        ),
        (
            "ran_on",
            "date",
            "End of the newest month on file, after the closing day, that is open, frozen, inactive"
            " or closed and current, late or a loss, or has an amount past due; unless the same as"
            " for `owed_on`.",
        ),
        (
            "late_given_up_on",
            "date",
            "The same of months that are written_off, sold or in_recovery and late or a loss, or"
            " have an amount past due.",
        ),
        (
            "most_funded_minor",
            "bigint",
            "The most that the fundings on file come to on a day of these terms on which one of"
            " them is an amount; NULL where newer terms are on file or in the file.",
        ),
        (
            "largest_funded_minor",
            "bigint",
            "The largest of these amounts alone, whatever its role.",
        ),
        ("agreement_is_known", "boolean", "The agreement cited is on file, or none is cited."),
        (
            "agreement_is_others",
            "boolean",
            "The agreement cited is of somebody who is not the borrower, under any number, nor owes"
            " the account beside her by what is on file.",
        ),
        (
            "agreement_ended_on",
            "date",
            "The last day of the agreement cited: when it expires, by its newest terms, or was"
            " first said to have expired or been cancelled without being active since.",
        ),
    ),
    *_columns(
        ("account", "agreement", "guarantee", "payment"),
        "ledger",
        (
            "person_is_other",
            "boolean",
            "The number is another person's at the sender, by what was sent of it first, or by an"
            " earlier line of the file.",
        ),
    ),
    *_columns(
        ("account", "subject"),
        "ledger",
        (
            "former_state",
            "text",
            "For rows that continue another number and do not go on as before: goes_on, unknown,"
            " other, unproved, early, late or circle.",
        ),
    ),
    *_columns(
        ("funding",),
        "ledger",
        (
            "most_other_shares_ppb",
            "bigint",
            "The most that the other funders' shares in force on a day of this one come to.",
        ),
        ("sent_shares", "text", "Sum of the file's own shares of the account on that day."),
        (
            "account_whole_minor",
            "bigint",
            "What there is to fund: the credit limit of revolving credit, else the amount lent.",
        ),
        (
            "funded_minor",
            "bigint",
            "The amount in the account's currency; without one the share of the whole, rounded"
            " down.",
        ),
        (
            "most_other_funded_minor",
            "bigint",
            "The most that the other fundings so come to on a day of this one on which it or one of"
            " them is an amount.",
        ),
        ("sent_amounts", "text", "Sum of the file's own amounts for the account on that day."),
        (
            "is_stated_otherwise",
            "boolean",
            "The other of originator and funder says something else of the same share.",
        ),
        (
            "is_over_with_claims",
            "boolean",
            "With what others claim to fund, and nobody else says of them, it goes over the whole.",
        ),
        ("funder_is_member", "boolean", "The funder is a known member."),
        ("originator_is_member", "boolean", "The originator is a known member."),
        ("caller_is_originator", "boolean", "The sender is the originator."),
        ("caller_is_funder", "boolean", "The sender is the funder."),
    ),
    *_columns(
        ("subject",),
        "row",
        (
            "identifier_check",
            "text",
            "valid, bad_form, bad_date, bad_checksum, bad_area, test_area or unknown_scheme.",
        ),
        (
            "identifier_is_placeholder",
            "boolean",
            "The number is one digit or letter over and over, separators left out.",
        ),
        ("identifier_birth_date", "date", "Day of birth inside the number, where it has one."),
        ("identifier_sex", "text", "Sex inside the number, where it has one."),
    ),
    *_columns(
        ("subject",),
        "ledger",
        (
            "place_state",
            "text",
            "For rows that say beside a person number by which account, role and holder number the"
            " person was known before: unknown, or other where by the identity she is somebody"
            " else.",
        ),
    ),
    *_columns(
        ("account_party",),
        "ledger",
        ("holder_is_known", "boolean", "The person named is known for this furnisher."),
        ("holder_is_borrower", "boolean", "The person named is the account's first borrower."),
        (
            "has_other_role",
            "boolean",
            "The person has another role, or a second place in it, in the account meanwhile.",
        ),
        ("is_taken", "boolean", "Another person has the same role and number meanwhile."),
    ),
    *_columns(
        ("guarantee",),
        "ledger",
        ("guarantor_is_borrower", "boolean", "The guarantor is the account's first borrower."),
        ("account_balance_minor", "bigint", "The account's newest balance."),
    ),
    *_columns(
        ("correction", "deletion"),
        "ledger",
        ("target_exists", "boolean", "The record named is on the ledger and not hidden."),
        ("target_is_own", "boolean", "The record named was furnished by the sender."),
        ("digest_matches", "boolean", "The digest named is that of the record on the ledger."),
    ),
    *_columns(
        ("deletion",),
        "ledger",
        (
            "account_is_anothers",
            "boolean",
            "The record is of an account's terms, which another member holds now.",
        ),
    ),
    *_columns(
        ("deletion",),
        "ledger",
        (
            "another_number_stands",
            "boolean",
            "The record is a person's, of whom the sender has another number on file.",
        ),
    ),
    *_columns(
        ("deletion",),
        "row",
        ("key_missing", "text", "Fields of the key that are not named, then the whole key."),
        ("key_unknown", "text", "Names that are no fields of the key, then the whole key."),
        ("key_unreadable", "text", "Fields of the key whose value is none, then the whole key."),
    ),
)


def context_of(dataset: str) -> tuple[ContextColumn, ...]:
    """The context columns of one dataset, in a fixed order."""
    return tuple(column for column in CONTEXT if dataset in column.datasets)
