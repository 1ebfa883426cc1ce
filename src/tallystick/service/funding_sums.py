"""What the fundings of an account add up to, beside fundings and account terms in a file."""

from __future__ import annotations

from tallystick.model.money import CURRENCY_DIGITS
from tallystick.service.references import Job

#: Products that are lent up to a limit again and again; of the others the amount lent is the whole.
REVOLVING = ("credit_card", "revolving_loan", "overdraft")
#: More than any account comes to: sums beyond it are cut to it, so that they fit their column.
_MOST = 4 * 10**18


def make(job: Job) -> None:
    """DuckDB table `shares`: per funding row what it comes to, and the others beside it.

    Takes: tables `row`, `on_file_share` (what stands of the file's accounts), `account_state`,
           `member_ref`, `fault`, `duplicate_of`, `after_sale` (of whose rows nothing is said)
    """
    shares, filled = _SHARES, job.filled("on_file_share", "after_sale")
    if "on_file_share" not in filled:  # 12 ms of CPU less beside two rows
        shares = shares.replace(_KNOWN_ON_FILE, "")
    if "after_sale" not in filled:
        shares = shares.replace(_BEFORE_SALE, "")
    job.con.execute(shares, {"furnisher": str(job.furnisher_id)})


def make_beside_terms(job: Job) -> None:
    """DuckDB table `funded`: by account row, what the fundings on file come to by its terms.

    The most on a day on which one of them is an amount, and the largest amount, in minor units:
    in force on a day of these terms, if no newer ones are on file or in the file. Guarantors' and
    servicers' are no part of the sum.

    Takes: tables `row`, `on_file_share`, `newest_terms`, `account_state`, `former`, `fault`
    """
    job.con.execute(_FUNDED)


def _funded_sql(funding: str) -> str:
    """What a funding of account `a` comes to: its amount, else its share of the whole; then both.

    A share of an amount is rounded down: rounding alone must not push anybody over. An amount in
    another currency than the account's counts for nothing: it was taken before the account had this
    one, or FND-CUR-001 rejects it.
    """
    amount = f"if({funding}.currency = a.currency, {funding}.funded_amount_minor, null)"
    part = f"({funding}.share_ppb::hugeint * {_WHOLE} // 1000000000)::bigint"
    counted = f"if(amount_minor < 0, 0, coalesce(amount_minor, {part}))"
    return f"{amount} as amount_minor, {counted} as funded_minor"


def _text_sql(minor: str) -> str:
    """An amount in minor units of `account_currency` as a decimal string."""
    texts = {0: f"({minor})::varchar"} | {
        digits: f"{minor} // {10**digits} || '.' || lpad(({minor} % {10**digits})::varchar,"
        f" {digits}, '0')"
        for digits in set(CURRENCY_DIGITS.values()) - {0}
    }
    choices = " ".join(
        f"when account_currency in ({', '.join(_quoted(digits))}) then {text}"
        for digits, text in texts.items()
    )
    return f"case {choices} end"


def _quoted(digits: int) -> list[str]:
    return [f"'{currency}'" for currency, found in CURRENCY_DIGITS.items() if found == digits]


_WHOLE = f"if(a.product in {REVOLVING}, a.credit_limit_minor, a.principal_minor)"
#: Of what is known, what is on file: most fundings are the first of their accounts.
_KNOWN_ON_FILE = f"""  union all
  select a.number, a.originator, f.funder_id, f.valid_from, f.valid_to, f.share_ppb, f.role,
    {_funded_sql("f")}, false,
    f.stated_by <> f.funder_id and exists (select 1 from on_file_share g
      where g.account_id = f.account_id and g.funder_id = f.funder_id
      and g.valid_from = f.valid_from and g.stated_by = g.funder_id),
    f.stated_by = f.funder_id and f.funder_id <> $furnisher
      and not exists (select 1 from on_file_share g where g.account_id = f.account_id
        and g.funder_id = f.funder_id and g.valid_from = f.valid_from
        and g.stated_by <> g.funder_id)
      and not exists (select 1 from sent g where g.counts and g.account_id = f.account_id
        and g.funder_id = f.funder_id and g.valid_from = f.valid_from)
  from on_file_share f join account_state a on a.object_id = f.account_id
  where not exists (select 1 from sent s where s.counts and s.account_id = f.account_id
    and s.funder_id = f.funder_id and s.valid_from = f.valid_from
    and $furnisher in (f.stated_by, f.funder_id))
"""
#: A seller's word on the time after the sale is refused, and hears nothing of what the buyer said.
_BEFORE_SALE = "  where r.line_no not in (select line_no from after_sale)\n"
#: Shares that count are those in force on file, and those sent that can be taken: a row that is
#: rejected anyway must not push others over the whole. Of two words on one share the funder's own
#: counts; the other yields to it. What others hold is summed on the first day of the row and on
#: each day of its time on which another share begins. Amounts are summed, with shares as the
#: amounts they come to, on days on which one is an amount: shares alone are judged as such.
#: What a funder says of itself and the originator names nowhere is a claim: whoever knows the
#: number of an account may make one, so against a word that is none it counts for its own only.
_SHARES = f"""
create or replace table shares as
with sent as (
  select r.line_no, a.object_id as account_id, a.number, r.originator, m.member_id as funder_id,
    o.member_id as originator_id, r.valid_from, r.valid_to, r.share_ppb, r.role, r.currency,
    r.funded_amount_minor, a.currency as account_currency, {_WHOLE} as whole_minor,
    {_funded_sql("r")},
    m.member_id is not null and $furnisher in (m.member_id, o.member_id) as is_own,
    coalesce(o.member_id <> $furnisher, false) and not exists (select 1 from on_file_share f
      where f.account_id = a.object_id and f.funder_id = m.member_id
      and f.valid_from = r.valid_from and f.stated_by <> f.funder_id) as is_claim,
    is_own and not exists (select 1 from duplicate_of d where d.line_no = r.line_no)
    and not exists (select 1 from fault x where x.line_no = r.line_no and x.severity = 'reject')
    and not coalesce(amount_minor > least(whole_minor, a.principal_minor), false)
    and not coalesce(r.funded_amount_minor < 0, false)
    and not coalesce(r.currency <> a.currency and r.funded_amount_minor is not null, false)
      as counts
  from "row" r left join account_state a on a.number = r.account_number
    and a.originator = r.originator
  left join member_ref m on m.code = r.funder left join member_ref o on o.code = r.originator
{_BEFORE_SALE}), known as (
  select number, originator, funder_id, valid_from, valid_to, share_ppb, role, amount_minor,
    funded_minor, true as is_sent,
    funder_id <> $furnisher and exists (select 1 from on_file_share f
      where f.account_id = s.account_id and f.funder_id = s.funder_id
      and f.valid_from = s.valid_from and f.stated_by = f.funder_id) as yields,
    false as is_anothers_claim
  from sent s where counts
{_KNOWN_ON_FILE}), held as (from known where role in ('originator', 'funder')
), moments as (
  select line_no, valid_from as day from sent
  union
  select s.line_no, k.valid_from from sent s join held k on k.number = s.number
    and k.originator = s.originator and k.valid_from > s.valid_from
    and (s.valid_to is null or k.valid_from <= s.valid_to)
), beside as (
  select s.line_no, t.day, k.*,
    (k.funder_id is distinct from s.funder_id or k.valid_from <> s.valid_from) and not k.yields
      as is_besides,
    is_besides and k.is_anothers_claim and not s.is_claim
      and k.funder_id is distinct from s.originator_id as is_claimed,
    is_besides and not is_claimed as is_other,
    (is_other and k.amount_minor is not null) or s.amount_minor is not null as in_amounts,
    (is_besides and k.amount_minor is not null) or s.amount_minor is not null as in_claims
  from sent s join moments t using (line_no) join held k on k.number = s.number
    and k.originator = s.originator and k.valid_from <= t.day
    and (k.valid_to is null or k.valid_to >= t.day)
), on_day as (
  select line_no, day,
    sum(share_ppb) filter (is_other) as others,
    sum(share_ppb) filter (is_sent) as sent,
    if(bool_or(in_amounts), sum(funded_minor) filter (is_other), null) as others_funded,
    sum(amount_minor) filter (is_sent) as sent_amounts,
    if(bool_or(is_claimed), sum(share_ppb) filter (is_besides), null) as claimed,
    if(bool_or(is_claimed) and bool_or(in_claims), sum(funded_minor) filter (is_besides), null)
      as claimed_funded
  from beside group by line_no, day
), summed as (
  select line_no, max(others) as most_other_shares_ppb,
    arg_max(sent, coalesce(others, 0)) as sent_shares_ppb,
    if(max(others_funded) > {_MOST}, {_MOST}, max(others_funded))::bigint
      as most_other_funded_minor,
    arg_max(sent_amounts, coalesce(others_funded, 0)) as sent_amounts_minor,
    max(claimed) as most_claimed, max(claimed_funded) as most_claimed_funded
  from on_day group by line_no
), otherwise as (
  select distinct s.line_no from sent s join on_file_share f on f.account_id = s.account_id
    and f.funder_id = s.funder_id and f.valid_from = s.valid_from and f.stated_by <> $furnisher
  where s.is_own and (f.role, f.valid_to, f.share_ppb, f.currency, f.funded_amount_minor)
    is distinct from (s.role, s.valid_to, s.share_ppb, s.currency, s.funded_amount_minor)
)
select s.line_no, most_other_shares_ppb, sent_shares_ppb,
  whole_minor, funded_minor, most_other_funded_minor,
  {_text_sql("sent_amounts_minor")} as sent_amounts, w.line_no is not null as is_stated_otherwise,
  coalesce(share_ppb + most_claimed > 1000000000, false)
    or coalesce(funded_minor + most_claimed_funded > whole_minor, false) as is_over_with_claims
from sent s left join summed using (line_no) left join otherwise w using (line_no)
"""
#: The terms sent are judged, not those they replace: of what a file sends of an account the newest
#: that can be taken; a buyer's are newer than its seller's of one day. A share is the part of their
#: whole; of two words the funder's own counts.
_FUNDED = f"""
create or replace table funded as
with sent as (
  select r.line_no, coalesce(o.object_id, f.object_id) as account_id, r.valid_from, r.product,
    r.currency, r.principal_minor, r.credit_limit_minor,
    coalesce(f.state = 'goes_on', false) as takes_over
  from "row" r left join account_state o on o.number = r.account_number
  left join former f on f.line_no = r.line_no
  where not exists (select 1 from fault x where x.line_no = r.line_no and x.severity = 'reject')
), terms as (
  select * from sent s where account_id in (select account_id from on_file_share)
    and not exists (select 1 from newest_terms n where n.account_id = s.account_id
      and (n.valid_from > s.valid_from
        or (n.valid_from = s.valid_from and n.is_anothers and not s.takes_over)))
  qualify row_number() over (partition by account_id order by valid_from desc, line_no) = 1
), stand as (
  select a.line_no, greatest(f.valid_from, a.valid_from) as day, f.valid_to, f.role,
    {_funded_sql("f")}
  from terms a join on_file_share f using (account_id)
  where (f.valid_to is null or f.valid_to >= a.valid_from)
    and not (f.stated_by <> f.funder_id and exists (select 1 from on_file_share g
      where g.account_id = f.account_id and g.funder_id = f.funder_id
      and g.valid_from = f.valid_from and g.stated_by = g.funder_id))
), on_day as (
  select t.line_no, t.day, least(sum(h.funded_minor), {_MOST})::bigint as funded_minor
  from (select distinct line_no, day from stand) t join stand h on h.line_no = t.line_no
    and h.day <= t.day and (h.valid_to is null or h.valid_to >= t.day)
    and h.role in ('originator', 'funder')
  group by t.line_no, t.day having bool_or(h.amount_minor is not null)
)
select line_no, max(amount_minor) as largest_funded_minor,
  (select max(d.funded_minor) from on_day d where d.line_no = s.line_no) as most_funded_minor
from stand s group by line_no
"""
