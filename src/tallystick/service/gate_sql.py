"""The gate's statements. All of them are prepared; each round trip is paid for by every inquiry."""

from __future__ import annotations

from tallystick.audit import INSERT_LOOK, INSERT_OUTBOX
from tallystick.service.heads import QUEUE


def _lock(queued: str, *, passing: str = "") -> str:
    """Takes: `queued`: how one stands in the queues of those asked for; `passing`: or passes by."""
    return f"""
with asked as (
  select subject_id from directory.token_subject where token = any (%(tokens)s::bytea[])
  union select unnest(%(subjects)s::uuid[]) order by 1),
queued as materialized ({queued}),
locked as (
  select h.subject_id from gate.head h
  where h.subject_id = any (array (select subject_id from queued))
  order by h.subject_id for share of h{passing})
select pg_current_xact_id()::text, (select string_agg(subject_id::text, ',') from locked),
  r.request_digest, r.look_id, r.token,
  exists (select from access.idempotency i
    where i.client_key = %(client_key)s and i.request_key = any (%(request_keys)s::text[]))
from (values (1)) as one left join gate.request r
  on r.member_key = %(member_key)s and r.request_key = any (%(request_keys)s::text[])
"""


#: Locks the heads of everybody under the tokens (or of one subject named), in a statement of its
#: own, so that the read after it sees what was committed while this waited. It finds as well what
#: the request's key was used for: an inquiry, or another act. It stands in the queue of each first,
#: or answers that overlap would keep out for ever whoever waits to change one (`heads.queue`).
LOCK = _lock(f"select subject_id, pg_advisory_xact_lock_shared({QUEUE}) from asked")

#: The same for those who share a transaction: a round that waited for a lock while it holds others
#: could wait for ever, so heads that are locked, or that somebody waits to lock, are passed over.
LOCK_FREE = _lock(
    f"select subject_id from asked where pg_try_advisory_xact_lock_shared({QUEUE})",
    passing=" skip locked",
)

PERMIT = "select set_config('tallystick.permit', %(permit)s, true)"

_NO_TIMES = "null::timestamptz, null::timestamptz, null::timestamptz, null::timestamptz"


def _part(
    kind: int,
    *texts: str,
    data: str = "null::bytea",
    number: str = "null::bigint",
    times: str = _NO_TIMES,
) -> str:
    padded = ", ".join((*texts, *["null::text"] * (_TEXTS - len(texts))))
    return f"select {kind}::int, {padded}, {data}, {number}, {times}"


_TEXTS = 7
_TOKENS_NOW = "(select token from directory.token_subject where subject_id = %(subject)s)"
_TOKENS_THEN = "(select unnest(%(tokens)s::bytea[]) as token)"
_PARTIES_NOW = "(select party_id from directory.party_subject where subject_id = %(subject)s)"
_PARTIES_THEN = "(select unnest(%(parties)s::uuid[]) as party_id)"
_LOOK_TEXTS = ("l.look_id::text", "l.member_id::text", "l.permit", "l.purpose", "l.outcome")
_LOOK_TIMES = "l.occurred_at, null::timestamptz, null::timestamptz, null::timestamptz"


_LOOK = _part(5, *_LOOK_TEXTS, number="e.number", times=_LOOK_TIMES)
_BEFORE = " and e.number < %(log_size)s"


def _looks(tokens: str, bound: str) -> str:
    """Her looks under her id, and those under her tokens from before she was anybody."""
    return f"""
{_LOOK} from log.look l join log.entry e using (look_id) where l.subject_id = %(subject)s{bound}
union all
{_LOOK} from {tokens} t join log.look l using (token) join log.entry e using (look_id)
  where l.subject_id is null{bound}
"""


def _looks_elsewhere(parties: str) -> str:
    """Looks at others whose parties were then what are hers now."""
    return f"""
{_LOOK} from {parties} own join identity.link k using (party_id)
  join ledger.publication p using (chunk_id)
  join log.look l on l.subject_id = k.subject_id and l.position >= p.position
  join log.entry e using (look_id)
  where k.subject_id <> %(subject)s{_BEFORE} and not exists (
    select from identity.link later join ledger.publication q using (chunk_id)
    where later.party_id = k.party_id and q.position > p.position and q.position <= l.position)
"""


#: Everything about one subject in one statement, so that all of it stands at one place: kind 0 the
#: coordinates, the document and whether a party of hers was another's once (`ELSEWHERE`), 1 who is
#: under the tokens, 2 her tokens, 3 accounts, 4 consents under her tokens and the tokens asked by,
#: 5 looks.
_ACCOUNT = ("account_id", "party_id", "furnisher_id", "role", "terms", "latest", "events")
_CONSENT = ("c.consent_id", "c.captured_by", "c.recipient_id", "c.purpose")
_PARTS = (
    _part(
        0,
        "(select document from file.subject where subject_id = %(subject)s)",
        "(select max(number) + 1 from log.entry)::text",
        "(select head_version from gate.head where subject_id = %(subject)s)::text",
        f"(select true from {_PARTIES_NOW} own join identity.link k using (party_id)"
        " where k.subject_id <> %(subject)s limit 1)::text",
        number="(select position from ledger.counter)",
    ),
    _part(1, "subject_id::text")
    + " from directory.token_subject where token = any (%(tokens)s::bytea[])",
    _part(2, data="token") + f" from {_TOKENS_NOW} own",
    _part(3, *(f"{name}::text" for name in _ACCOUNT), data="months")
    + " from file.account_permitted where subject_id = %(subject)s",
    _part(
        4,
        *(f"{name}::text" for name in _CONSENT),
        "array_to_string(c.data_classes, ' ')",
        data="c.token",
        number="c.uses_allowed::bigint",
        times="c.valid_from, c.valid_to, c.given_at, w.withdrawn_at",
    )
    + " from gate.consent c left join gate.withdrawal w using (token, consent_id)"
    f" where c.token = any (array (select token from {_TOKENS_NOW} own) || %(tokens)s::bytea[])",
    _looks(_TOKENS_NOW, ""),
)
READ = " union all ".join(_PARTS)
#: The looks that `READ` leaves out, as few have any: those up to the size of the log it read.
ELSEWHERE = _looks_elsewhere(_PARTIES_NOW)

#: The parties that were ever a subject's, and whether one was parted (set apart, or by an operator)
#: from what it was since it was last hers.
GONE_ELSEWHERE = """
select party_id::text, exists (
    select from identity.link u join ledger.publication q using (chunk_id)
    where u.party_id = hers.party_id and u.decision = 'unlinked' and q.position > last)
from (select party_id, max(p.position) as last from identity.link
  join ledger.publication p using (chunk_id) where subject_id = %(subject)s group by party_id) hers
"""

#: The looks as they stood in a log of a given size.
LOOKS_THEN = f"{_looks(_TOKENS_THEN, _BEFORE)} union all {_looks_elsewhere(_PARTIES_THEN)}"

OTHER_CONSENT = "select 1 from directory.consent where consent_id = %(consent_id)s"
USE = """
update gate.consent_use set used = used + 1
where token = %(token)s and consent_id = %(consent_id)s and used < %(allowed)s returning used
"""
MAKE_HEADS = """
insert into gate.head (subject_id) select unnest(%(subjects)s::uuid[]) on conflict do nothing
"""
MAKE_TOKENS = """
insert into directory.token (token, scheme, key_version, first_seen_at)
select t, s, 1, %(now)s from unnest(%(tokens)s::bytea[], %(schemes)s::text[]) as given (t, s)
order by t on conflict do nothing
"""
_BODY = """
insert into log.body (subject_id, look_id, parties, sealed, readable_until, kept_until) values
  (%(subject_id)s, %(look_id)s, %(parties)s, %(sealed)s, %(readable_until)s, %(kept_until)s)
"""
_REQUEST = """
insert into gate.request (member_key, request_key, request_digest, look_id, token) values
  (%(member_key)s, %(request_key)s, %(request_digest)s, %(look_id)s, %(token)s)
"""


def _write(*more: str) -> str:
    parts = [f"w{at} as ({text})" for at, text in enumerate((INSERT_LOOK, *more))]
    return f"with {', '.join(parts)} {INSERT_OUTBOX}"


#: A look with its promise to be numbered, with what goes with it: by (has a body, has a request).
WRITE = {
    (False, False): _write(),
    (False, True): _write(_REQUEST),
    (True, False): _write(_BODY),
    (True, True): _write(_BODY, _REQUEST),
}
#: Within the years Python has: whoever holds the database may have written infinity there.
_READABLE = "greatest('0002-01-01Z', least(b.readable_until, '9000-01-01Z'))"
_KEPT = f"""
select l.token, l.look_id, l.occurred_at, l.permit, l.purpose, l.outcome, l.audience, l.salt,
  l.member_id, l.refusal_code, l.subject_id, l.consent_id, l.as_of, l.position, l.log_size,
  l.head_version, l.versions, l.body_digest, b.parties, b.sealed,
  case when b.look_id is not null then {_READABLE} end,
  (select statement from log.subject_erasure s where s.subject_id = l.subject_id)
from log.look l left join log.body b on b.subject_id = l.subject_id and b.look_id = l.look_id
where l.look_id = %(look_id)s
"""
#: A look with its kept body, found by whose it is.
KEPT = {
    "token": _KEPT + " and l.token = %(whose)s",
    "member": _KEPT + " and l.member_id = %(whose)s",
    "subject": _KEPT + " and l.subject_id = %(whose)s and l.member_id is null",
    "anybody": _KEPT,
}
ERASED = "select statement from log.erasure where look_id = %(look_id)s"
