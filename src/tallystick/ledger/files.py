"""Writing files: the projection an inquiry reads, equal to the fold of the ledger.

A file is one `file.subject` row (identity, agreements, guarantees, payments, remarks) and one
`file.account` row for each account tied to the subject. All are disposable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import fold, read
from tallystick.ledger.erased import erased_accounts

_SORTED = orjson.OPT_SORT_KEYS
#: The document of a subject without parties: they were linked elsewhere.
EMPTY_DOCUMENT = orjson.dumps(fold.fold_document([], []), option=_SORTED).decode()

_UPSERT = """
insert into file.account (subject_id, account_id, party_id, furnisher_id, role, product, currency,
  opened_on, closed_on, maturity_on, principal_minor, credit_limit_minor, basis, terms,
  first_delinquency_on, last_period_end, last_bucket, last_status, last_balance_minor, latest,
  months, events, changed_by)
values (%(subject_id)s, %(account_id)s, %(party_id)s, %(furnisher_id)s, %(role)s, %(product)s,
  %(currency)s, %(opened_on)s, %(closed_on)s, %(maturity_on)s, %(principal_minor)s,
  %(credit_limit_minor)s, %(basis)s, %(terms)s, %(first_delinquency_on)s, %(last_period_end)s,
  %(last_bucket)s, %(last_status)s, %(last_balance_minor)s, %(latest)s, %(months)s, %(events)s,
  %(changed_by)s)
on conflict (subject_id, account_id) do update set
  party_id = excluded.party_id, furnisher_id = excluded.furnisher_id, role = excluded.role,
  product = excluded.product, currency = excluded.currency, opened_on = excluded.opened_on,
  closed_on = excluded.closed_on, maturity_on = excluded.maturity_on,
  principal_minor = excluded.principal_minor, credit_limit_minor = excluded.credit_limit_minor,
  basis = excluded.basis, terms = excluded.terms,
  first_delinquency_on = excluded.first_delinquency_on,
  last_period_end = excluded.last_period_end, last_bucket = excluded.last_bucket,
  last_status = excluded.last_status, last_balance_minor = excluded.last_balance_minor,
  latest = excluded.latest, months = excluded.months, events = excluded.events,
  changed_by = excluded.changed_by
"""


def account_values(folded: fold.AccountFold) -> dict[str, Any]:
    """The columns of a `file.account` row that do not depend on the subject."""
    terms = folded.newest_terms
    latest = folded.latest or {}
    return {
        "account_id": folded.account_id,
        "party_id": folded.party_id,
        "furnisher_id": folded.furnisher_id,
        "product": terms["product"],
        "currency": terms["currency"],
        **{name: read.last_day(terms, name) for name in ("opened_on", "closed_on", "maturity_on")},
        "principal_minor": terms.get("principal_minor"),
        "credit_limit_minor": terms.get("credit_limit_minor"),
        "basis": terms["basis"],
        "terms": orjson.dumps(folded.terms, option=_SORTED).decode(),
        "first_delinquency_on": read.last_day(latest, "first_delinquency_on"),
        "last_period_end": read.last_day(latest, "period_end"),
        "last_bucket": latest.get("bucket"),
        "last_status": latest.get("status"),
        "last_balance_minor": latest.get("balance_minor"),
        "latest": orjson.dumps(latest, option=_SORTED).decode() if latest else None,
        "months": folded.months,
        "events": orjson.dumps(folded.events, option=_SORTED).decode() if folded.events else None,
    }


def account_rows(
    folded: Iterable[fold.AccountFold], subject_of: Mapping[UUID, UUID]
) -> list[dict[str, Any]]:
    """The `file.account` rows of accounts, without `changed_by`, in the order they are locked in.

    Gives: a row for every subject tied to an account; a subject in two roles has the stronger one
    """
    rows: list[dict[str, Any]] = []
    for one in folded:
        values = account_values(one)
        done: set[UUID] = set()
        for party_text, role in one.holder_roles.items():
            subject_id = subject_of.get(UUID(party_text))
            if subject_id is not None and subject_id not in done:
                done.add(subject_id)
                rows.append({**values, "subject_id": subject_id, "role": role})
    rows.sort(key=lambda row: (row["subject_id"], row["account_id"]))
    return rows


def write_accounts(
    connection: psycopg.Connection[Any],
    folded: Collection[fold.AccountFold],
    *,
    subject_of: Mapping[UUID, UUID],
    changed_by: Callable[[UUID], int],
) -> None:
    """Write each account into the file of every subject tied to it, and out of all others.

    Takes: `changed_by` gives the chunk that last changed an account
    """
    rows = account_rows(folded, subject_of)
    with connection.cursor() as cursor:
        cursor.executemany(
            _UPSERT, [{**row, "changed_by": changed_by(row["account_id"])} for row in rows]
        )
        cursor.execute(
            "delete from file.account f where account_id = any(%s) and not exists (select from"
            " unnest(%s::uuid[], %s::uuid[]) as kept (account_id, subject_id)"
            " where kept.account_id = f.account_id and kept.subject_id = f.subject_id)",
            (
                [one.account_id for one in folded],
                [row["account_id"] for row in rows],
                [row["subject_id"] for row in rows],
            ),
        )


def drop_accounts(connection: psycopg.Connection[Any], account_ids: Collection[UUID]) -> None:
    """Take accounts out of every file (none of their terms stand)."""
    if account_ids:
        connection.execute(
            "delete from file.account where account_id = any(%s)", (list(account_ids),)
        )


def write_documents(
    connection: psycopg.Connection[Any],
    subject_ids: Sequence[UUID],
    *,
    position: int | None = None,
    own_chunk: int | None = None,
) -> None:
    """Fold and write the document of each subject (rows must exist and be locked)."""
    found = documents(connection, subject_ids, position=position, own_chunk=own_chunk)
    with connection.cursor() as cursor:
        cursor.executemany(
            "update file.subject set document = %s where subject_id = %s",
            [(found[subject], subject) for subject in subject_ids],
        )


def documents(
    connection: psycopg.Connection[Any],
    subject_ids: Sequence[UUID],
    *,
    position: int | None = None,
    own_chunk: int | None = None,
) -> dict[UUID, str]:
    """The document of each subject, folded: canonical JSON; one without parties has empty lists."""
    parties = parties_of(connection, subject_ids)
    under = [party for pairs in parties.values() for party, _ in pairs]
    found = read.statements(
        connection,
        read.PARTY_DATASETS,
        parties=under,
        position=position,
        own_chunk=own_chunk,
    )
    by_party: dict[UUID, list[fold.Statement]] = {}
    for one in found:
        if one.dataset != "remark" or one.record.get("object_type") != "account":
            by_party.setdefault(one.party_id, []).append(one)
    erased = erased_accounts(connection, under, position=position, own_chunk=own_chunk)
    return {
        subject: orjson.dumps(
            _document(parties.get(subject, []), by_party, erased), option=_SORTED
        ).decode()
        for subject in subject_ids
    }


def _document(
    pairs: Sequence[tuple[UUID, UUID]],
    by_party: Mapping[UUID, Sequence[fold.Statement]],
    erased: Sequence[fold.Record],
) -> dict[str, Any]:
    statements = [one for party, _ in pairs for one in by_party.get(party, ())]
    own = {str(party) for party, _ in pairs}
    return fold.fold_document(
        pairs, statements, [one for one in erased if one["holder_party_id"] in own]
    )


def parties_of(
    connection: psycopg.Connection[Any], subject_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[UUID, UUID]]]:
    """(party, furnisher) pairs by subject, as linked now."""
    rows = connection.execute(
        "select ps.subject_id, ps.party_id, dp.furnisher_id from directory.party_subject ps"
        " join directory.party dp using (party_id) where ps.subject_id = any(%s)",
        (list(subject_ids),),
    )
    found: dict[UUID, list[tuple[UUID, UUID]]] = {}
    for subject_id, party_id, furnisher_id in rows:
        found.setdefault(subject_id, []).append((party_id, furnisher_id))
    return found
