"""What verifying the gate reads: its SQL, and the rows of consents it gives."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Kept(NamedTuple):
    """A consent as it stands, with members' codes; `found_under`: the token its id leads to."""

    token: bytes
    consent_id: UUID
    captured_by: str | None
    recipient: str | None
    has_recipient: bool
    purpose: str
    data_classes: list[str]
    valid_from: datetime
    valid_to: datetime
    given_at: datetime
    registered_at: datetime
    uses_allowed: int | None
    artefact: str
    countersignature: bytes
    text_sha256: str
    locale: str
    found_under: bytes | None


CONSENTS = """
select c.token, c.consent_id, m.code, r.code, c.recipient_id is not null, c.purpose,
  c.data_classes, c.valid_from, c.valid_to, c.given_at, c.registered_at, c.uses_allowed,
  c.artefact, c.countersignature, c.text_sha256, c.locale, k.token
from gate.consent c
left join member.member m on m.member_id = c.captured_by
left join member.member r on r.member_id = c.recipient_id
left join directory.consent k on k.consent_id = c.consent_id
order by c.token, c.consent_id
"""
SIGNERS = """
select k.kid, m.code, k.jwk from member.public_key k join member.member m using (member_id)
"""
#: What names a consent that is not there.
LONELY = """
select 'missing', consent_id from directory.consent k
where not exists (select from gate.consent c
  where c.token = k.token and c.consent_id = k.consent_id)
union
select 'missing', consent_id from gate.withdrawal w
where not exists (select from gate.consent c
  where c.token = w.token and c.consent_id = w.consent_id)
order by consent_id
"""
#: Consents (and withdrawals) of a token that its subject's head took no step for.
WITHOUT_STEP = """
select c.consent_id, t.subject_id
from gate.consent c
join directory.token_subject t using (token)
left join gate.withdrawal w on w.token = c.token and w.consent_id = c.consent_id
left join lateral (
  select coalesce(bool_or(e.kind = 'consent_given'), false) as given,
    coalesce(bool_or(e.kind = 'consent_withdrawn'), false) as withdrawn
  from gate.head_event e where e.subject_id = t.subject_id and e.token = c.token
    and e.consent_id = c.consent_id) e on true
where not e.given or (w.consent_id is not null and not e.withdrawn)
order by c.consent_id, t.subject_id
"""
#: Steps whose consent or withdrawal is not there, or is of another time.
STEPS_WITHOUT = """
select e.subject_id, e.head_version, e.consent_id, c.consent_id is not null,
  e.kind = 'consent_given' or w.consent_id is not null
from gate.head_event e
left join gate.consent c on c.token = e.token and c.consent_id = e.consent_id
left join gate.withdrawal w on w.token = e.token and w.consent_id = e.consent_id
where e.kind in ('consent_given', 'consent_withdrawn')
  and case e.kind when 'consent_given' then c.registered_at else w.withdrawn_at end
    is distinct from e.happened_at
order by e.subject_id, e.head_version
"""
#: Heads whose steps are not 1, 2, 3 … up to their version: the first that is not, or is too many.
BROKEN_HEADS = """
select coalesce(h.subject_id, e.subject_id),
  coalesce((select min(x.place) from (select head_version, row_number() over
      (order by head_version) as place from gate.head_event y
      where y.subject_id = e.subject_id) x where x.head_version <> x.place),
    least(coalesce(h.head_version, 0), coalesce(e.steps, 0)) + 1),
  coalesce(h.head_version, 0) < coalesce(e.steps, 0)
from gate.head h
full join (select subject_id, count(*) as steps, min(head_version) as first,
    max(head_version) as last from gate.head_event group by subject_id) e using (subject_id)
where coalesce(h.head_version, 0) <> coalesce(e.last, 0)
  or coalesce(e.steps, 0) <> coalesce(e.last, 0) or e.first <> 1
order by 1
"""
#: The latest version of each subject's head that a look saw.
LOOKS = """
select subject_id, max(head_version) from log.look
where subject_id is not null and head_version is not null group by subject_id
"""
#: Subjects whose head stands before what a look saw.
BEHIND_LOOKS = """
select seen.subject_id, coalesce(h.head_version, 0) + 1, false
from unnest(%s::uuid[], %s::bigint[]) as seen (subject_id, head_version)
left join gate.head h using (subject_id)
where seen.head_version > coalesce(h.head_version, 0)
order by seen.subject_id
"""
#: How many looks were made with each consent; one given again uses nothing.
USES = """
select consent_id, count(*) from log.look
where consent_id is not null and permit = 'consent' group by consent_id
"""
#: Limited consents with more looks than uses were counted, or are allowed.
OVERUSED = """
select consent_id
from unnest(%s::uuid[], %s::bigint[]) as made (consent_id, looks)
join directory.consent k using (consent_id)
join gate.consent c using (token, consent_id)
left join gate.consent_use u using (token, consent_id)
where c.uses_allowed is not null and made.looks > least(coalesce(u.used, 0), c.uses_allowed)
order by consent_id
"""
#: Limited consents whose uses are not counted, or beyond what they allow.
MISCOUNTED = """
select case when u.used is null then 'missing' else 'altered' end, consent_id
from gate.consent c left join gate.consent_use u using (token, consent_id)
where c.uses_allowed is not null and coalesce(u.used > c.uses_allowed, true)
order by consent_id
"""
ERASURES = "select subject_id, statement from log.subject_erasure where subject_id = any(%s)"
