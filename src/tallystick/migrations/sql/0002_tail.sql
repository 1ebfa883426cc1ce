-- The tail: the newest months of accounts whose row in `file.account` has not taken them in yet.
-- A large file writes narrow rows here, in order, where it would have to rewrite wide ones anywhere.
-- Readers see both as one in `file.account_now`; whoever writes a file takes its tail in first.
create table file.tail (
  chunk_id bigint not null,
  last_balance_minor bigint,
  first_delinquency_on date,
  last_period_end date not null,
  subject_id uuid not null,
  account_id uuid not null,
  last_bucket text not null,
  last_status text not null,
  months bytea not null,
  latest text not null,
  primary key (subject_id, account_id)
);
alter table file.tail alter column months set storage plain;

-- For those who write files, who see them all. 60 months of 21 bytes each are kept, as in the row itself.
create view file.account_now as
select f.subject_id, f.account_id, f.party_id, f.furnisher_id, f.role, f.product, f.currency,
  f.opened_on, f.closed_on, f.maturity_on, f.principal_minor, f.credit_limit_minor, f.basis,
  f.terms,
  case when t.chunk_id is null then f.first_delinquency_on else t.first_delinquency_on end
    as first_delinquency_on,
  coalesce(t.last_period_end, f.last_period_end) as last_period_end,
  coalesce(t.last_bucket, f.last_bucket) as last_bucket,
  coalesce(t.last_status, f.last_status) as last_status,
  case when t.chunk_id is null then f.last_balance_minor else t.last_balance_minor end
    as last_balance_minor,
  coalesce(t.latest, f.latest) as latest,
  case when t.chunk_id is null then f.months else substr(f.months || t.months,
    greatest(1, length(f.months) + length(t.months) - 1260 + 1)) end as months,
  f.events,
  coalesce(t.chunk_id, f.changed_by) as changed_by
from file.account f
left join file.tail t on t.subject_id = f.subject_id and t.account_id = f.account_id;

-- For those who answer: the rows of the one subject their transaction has leave to read. They have no
-- right to the tail itself, as COPY could not write to it if it had row security.
create view file.account_permitted with (security_barrier = true) as
select * from file.account_now where subject_id = (select gate.permitted_subject());

grant select on file.account_permitted to tallystick_serve;
grant select, insert, delete on file.tail to tallystick_intake, tallystick_eraser;
grant select on file.account_now to tallystick_intake, tallystick_eraser;
