"""Two words on one share: a loan's originator and a funder who disagree are both told.

Each one's statement stands under a key of its own (`keys_of_rows`). Whoever comes later finds it
beside its row, by the rule; here the same is written where the earlier one sent its own, also when
the later word is refused because it goes over the whole. Neither hears what the other said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.service import intake_store, told_later
from tallystick.service.keys_of_rows import item_key_sql, own_suffix
from tallystick.service.port import Deps
from tallystick.service.references import Job

RULE = told_later.RULE
#: Findings from this number on are of a statement taken long before, whose line is not kept. The
#: chunk and the row that disagree with it make the rest of the number.
_TOLD_LATER = 10**15
_ROWS = 1000
#: From here on they are of a word that was refused: no chunk holds it, so what it says makes the
#: rest of the number, and the same word again tells nothing new. All fit a double's whole numbers.
_TOLD_REFUSED, _REFUSED = 5 * 10**15, 4 * 10**15
#: The rules that refuse a word because with others it goes over the whole.
_OVER = ("FND-SHARE-001", "FND-AMT-001", "FND-AMT-002")
_KEY = ("originator", "account_number", "funder", "valid_from")
_SAID = ("role", "valid_to", "share_ppb", "currency", "funded_amount_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A funding on its way into the ledger: its native key, and its values there."""

    key: Mapping[str, str]
    values: Mapping[str, Any]

    @property
    def other_key(self) -> str:
        """The item key of what the other of originator and funder says of the same share."""
        own, suffix = str(self.values["item_key"]), own_suffix(self.values["funder_id"])
        return own.removesuffix(suffix) if own.endswith(suffix) else own + suffix


def tell(
    deps: Deps, connection: psycopg.Connection[Any], chunk_id: int, words: Sequence[Word]
) -> None:
    """Tell those who said something else of the shares of a chunk, where they said it.

    Takes: `connection`: in the transaction that publishes the chunk, so it is told exactly once
    """
    first = _TOLD_LATER + chunk_id * _ROWS
    _tell(deps, connection, words, [first + number for number in range(len(words))])


def tell_refused(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> None:
    """Tell those who said something else of shares that are refused as over the whole.

    Takes: `connection`: in the transaction that stores the findings; the job's rows are judged.
           Told again in another round it is the same finding
    """
    words = _refused(job)
    if words:
        _tell(deps, connection, words, [_number(word) for word in words])


def _refused(job: Job) -> list[Word]:
    """Words that disagree with one on file, and were rejected for nothing but the whole."""
    columns = (
        *(f"r.{name}" for name in dict.fromkeys((*_KEY, *_SAID))),
        "a.party_id", "a.object_id", "m.member_id as funder_id",
        f"({item_key_sql(job)}) as item_key",
    )  # fmt: skip
    cursor = job.con.execute(
        f'select {", ".join(columns)} from "row" r join member_ref m on m.code = r.funder'
        " join account_state a on a.number = r.account_number and a.originator = r.originator"
        " where r.line_no in (select line_no from everything group by line_no"
        f" having bool_or(rule_id = '{RULE}')"
        f" and bool_and(rule_id in {_OVER}) filter (where severity = 'reject'))"
    )
    names = [column[0] for column in cursor.description or ()]
    found = (dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return [Word(key={name: str(one[name]) for name in _KEY}, values=one) for one in found]


def _number(word: Word) -> int:
    said = [str(word.values["object_id"]), word.other_key, *(word.values[name] for name in _SAID)]
    digest = sha256(orjson.dumps(said)).digest()
    return _TOLD_REFUSED + int.from_bytes(digest[:8], "big") % _REFUSED


def _tell(
    deps: Deps,
    connection: psycopg.Connection[Any],
    words: Sequence[Word],
    numbers: Sequence[int],
) -> None:
    """Write the finding, under each word's number, where the other said something else."""
    rows = connection.execute(
        _OTHERS,
        {
            "parties": [one.values["party_id"] for one in words],
            "objects": [one.values["object_id"] for one in words],
            "keys": [one.other_key for one in words],
        },
    ).fetchall()
    told: dict[UUID, list[tuple[int, intake_store.FindingRow]]] = {}
    for number, submission_id, *said in rows:
        word = words[number - 1]
        if said != [word.values[name] for name in _SAID]:
            found = _finding(word, dict(zip(_SAID, said, strict=True)))
            told.setdefault(submission_id, []).append((numbers[number - 1], found))
    for submission_id, rows_told in told.items():
        key = deps.vault.get([submission_id]).get(submission_id)
        intake_store.insert_findings(connection, submission_id, key, rows_told)


def _finding(word: Word, own: Mapping[str, Any]) -> intake_store.FindingRow:
    return intake_store.FindingRow(
        line_no=None, column_no=None, byte_offset=None, field=None, rule_id=RULE, severity="warn",
        seen=told_later.seen_text(word.key, own), other_line_no=None,
    )  # fmt: skip


#: The newest that stands under each key, and the submission its furnisher sent it with: what
#: waited was judged again in others, which nobody is shown.
_OTHERS = """
with recursive said as (
  select distinct on (k.number) k.number, c.submission_id, t.role, t.valid_to, t.share_ppb,
    t.currency, t.funded_amount_minor
  from unnest(%(parties)s::uuid[], %(objects)s::uuid[], %(keys)s::text[]) with ordinality
    as k (party_id, object_id, item_key, number)
  join ledger.funding t using (party_id, object_id, item_key)
  join ledger.chunk c using (chunk_id) join ledger.publication p using (chunk_id)
  where not exists (select from ledger.deletion d join ledger.publication dp using (chunk_id)
    where d.party_id = t.party_id and d.object_id = t.object_id and dp.position > p.position
    and (d.dataset = 'account' or (d.dataset = 'funding' and d.item_key = t.item_key)))
  order by k.number, p.position desc
), sent as (
  select number, s.submission_id, s.channel, s.parent_submission_id
  from said join intake.submission s using (submission_id)
  union all
  select number, s.submission_id, s.channel, s.parent_submission_id
  from sent w join intake.submission s on s.submission_id = w.parent_submission_id
  where w.channel = 'pending'
)
select number, sent.submission_id, role, valid_to, share_ppb, currency, funded_amount_minor
from said join sent using (number) where sent.channel <> 'pending' order by number
"""
