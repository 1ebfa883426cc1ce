create schema meta;
create schema member;
create schema directory;
create schema identity;
create schema ledger;
create schema file;
create schema intake;
create schema gate;
create schema log;
create schema access;

-- meta ------------------------------------------------------------------------------------------
create table meta.setting (
  name text primary key,
  value text not null
);

-- member: institutions with keys ------------------------------------------------------------------
create table member.member (
  member_id uuid primary key,
  code text not null unique check (code ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
  name_en text not null,
  name_zh text not null,
  member_class text not null,
  registered_at timestamptz not null
);
create table member.api_key (
  key_id uuid primary key,
  member_id uuid not null references member.member (member_id),
  secret_digest bytea not null unique check (length(secret_digest) = 32),
  label text not null,
  issued_at timestamptz not null
);
create table member.api_key_revocation (
  key_id uuid primary key references member.api_key (key_id),
  revoked_at timestamptz not null
);
create table member.public_key (
  member_id uuid not null references member.member (member_id),
  kid text not null unique,
  jwk text not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  primary key (member_id, kid)
);

-- directory: what must be unique across persons ---------------------------------------------------
-- Lookup tables on purpose (each keyed by its value, none by a person): docs/reference/tables.md.
create table directory.party (
  furnisher_id uuid not null,
  person_token bytea not null check (length(person_token) = 16),
  party_id uuid not null unique,
  primary key (furnisher_id, person_token)
);
create table directory.object (
  furnisher_id uuid not null,
  kind text not null check (kind in ('account', 'agreement', 'guarantee', 'payer_account')),
  number_token bytea not null check (length(number_token) = 16),
  valid_from date not null default '0001-01-01',
  object_id uuid not null,
  party_id uuid not null,
  primary key (furnisher_id, kind, number_token, valid_from)
);
create index object_by_id on directory.object (object_id);
create index object_by_party on directory.object (party_id);
create table directory.token (
  token bytea primary key check (length(token) = 32),
  scheme text not null,
  key_version integer not null,
  first_seen_at timestamptz not null
);
create table directory.token_subject (
  token bytea not null,
  subject_id uuid not null,
  primary key (token, subject_id)
);
create index token_subject_by_subject on directory.token_subject (subject_id);
create table directory.party_subject (
  party_id uuid primary key,
  subject_id uuid not null
);
create index party_subject_by_subject on directory.party_subject (subject_id);
create table directory.identity_key (
  key_token bytea not null check (length(key_token) = 16),
  party_id uuid not null,
  primary key (key_token, party_id)
);
create index identity_key_by_party on directory.identity_key (party_id);
create table directory.submission (
  furnisher_id uuid not null,
  digest bytea not null check (length(digest) = 32),
  dataset text not null,
  repeat_no integer not null,
  submission_id uuid not null,
  primary key (furnisher_id, digest, dataset, repeat_no)
);

-- identity: decisions -----------------------------------------------------------------------------
-- Which tokens a party carries, whose it is, what is not the same. Statements like all others: each
-- row belongs to a chunk and is visible from the chunk's position on.
create table identity.party_token (
  party_id uuid not null,
  token bytea not null,
  chunk_id bigint not null,
  row_no integer not null,
  leaf bytea not null,
  primary key (party_id, token, chunk_id)
);
create table identity.link (
  party_id uuid not null,
  subject_id uuid not null,
  chunk_id bigint not null,
  row_no integer not null,
  decision text not null check (decision in ('new', 'token', 'name_and_birth_date', 'clash', 'weak', 'linked', 'unlinked')),
  decided_by text not null,
  decided_at timestamptz not null,
  case_id uuid,
  leaf bytea not null,
  primary key (party_id, chunk_id)
);
create index link_by_subject on identity.link (subject_id);
create table identity.apart (
  party_id uuid not null,
  other_party_id uuid not null,
  chunk_id bigint not null,
  row_no integer not null,
  leaf bytea not null,
  primary key (party_id, other_party_id, chunk_id)
);
create table identity.case_file (
  case_id uuid primary key,
  kind text not null check (kind in ('clash', 'weak', 'co_funded_twin')),
  party_id uuid not null,
  subject_id uuid,
  evidence text not null,
  opened_at timestamptz not null
);
create table identity.case_event (
  case_id uuid not null references identity.case_file (case_id),
  event_no integer not null,
  event text not null check (event in ('linked', 'unlinked', 'dismissed')),
  happened_at timestamptz not null,
  acted_by text not null,
  primary key (case_id, event_no)
);

-- ledger: order -----------------------------------------------------------------------------------
create table ledger.chunk (
  chunk_id bigint generated always as identity primary key,
  submission_id uuid,
  chunk_no integer not null,
  furnisher_id uuid,
  dataset text not null,
  row_count integer not null,
  root bytea not null check (length(root) = 32),
  inserted_at timestamptz not null,
  unique (submission_id, chunk_no)
);
create table ledger.counter (
  only_row boolean primary key default true check (only_row),
  position bigint not null,
  recorded_at timestamptz not null
);
insert into ledger.counter (position, recorded_at) values (0, '1970-01-01T00:00:00Z');
create table ledger.publication (
  position bigint primary key,
  recorded_at timestamptz not null unique,
  chunk_id bigint not null unique,
  digest bytea not null check (length(digest) = 32)
);
create table ledger.abandoned (
  chunk_id bigint primary key
);
create table ledger.deletion (
  party_id uuid not null,
  object_id uuid not null,
  dataset text not null,
  item_key text not null,
  chunk_id bigint not null,
  row_no integer not null,
  furnisher_id uuid not null,
  reason text not null,
  leaf bytea not null,
  primary key (party_id, object_id, dataset, item_key, chunk_id)
);
create table ledger.erased (
  chunk_id bigint not null,
  row_no integer not null,
  leaf bytea not null,
  erased_at timestamptz not null,
  ground text not null,
  primary key (chunk_id, row_no)
);

-- file: the projection an inquiry reads -----------------------------------------------------------
create table file.subject (
  subject_id uuid primary key,
  document text not null default '{}'
) with (fillfactor = 70);
create table file.account (
  subject_id uuid not null,
  account_id uuid not null,
  party_id uuid not null,
  furnisher_id uuid not null,
  role text not null,
  product text not null,
  currency text not null,
  opened_on date,
  closed_on date,
  maturity_on date,
  principal_minor bigint,
  credit_limit_minor bigint,
  basis text not null,
  terms text not null,
  first_delinquency_on date,
  last_period_end date,
  last_bucket text,
  last_status text,
  last_balance_minor bigint,
  latest text,
  months bytea not null default '',
  events text,
  changed_by bigint not null,
  primary key (subject_id, account_id)
) with (fillfactor = 45);
alter table file.account alter column months set storage external;
create index account_by_account on file.account (account_id);

-- intake ------------------------------------------------------------------------------------------
create table intake.submission (
  submission_id uuid primary key,
  furnisher_id uuid not null,
  dataset text not null,
  format text,
  digest bytea not null,
  byte_count bigint not null,
  received_at timestamptz not null,
  channel text not null check (channel in ('file', 'api', 'pending')),
  parent_submission_id uuid,
  state text not null check (state in ('received', 'checking', 'publishing', 'published', 'rejected', 'failed')),
  stage text not null default 'received',
  progress_done bigint not null default 0,
  progress_total bigint,
  row_count bigint,
  finished_at timestamptz
);
create index submission_by_furnisher on intake.submission (furnisher_id, submission_id);
create table intake.raw_part (
  submission_id uuid not null,
  part_no integer not null,
  sealed bytea not null,
  primary key (submission_id, part_no)
);
alter table intake.raw_part alter column sealed set storage external;
create table intake.finding (
  submission_id uuid not null,
  finding_no bigint not null,
  line_no bigint,
  column_no integer,
  byte_offset bigint,
  field text,
  rule_id text not null,
  severity text not null check (severity in ('reject', 'warn', 'pend')),
  seen_sealed bytea,
  other_line_no bigint,
  primary key (submission_id, finding_no)
);
create index finding_by_rule on intake.finding (submission_id, rule_id);
create table intake.funnel (
  submission_id uuid not null,
  step_no bigint not null,
  position bigint,
  accepted bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  pending bigint not null default 0,
  primary key (submission_id, step_no)
);
create table intake.pending (
  pending_id uuid primary key,
  submission_id uuid not null,
  furnisher_id uuid not null,
  dataset text not null,
  line_no bigint,
  waits_kind text not null,
  waits_token bytea not null,
  record_sealed bytea not null,
  expires_on date not null,
  since timestamptz not null
);
create index pending_by_parent on intake.pending (furnisher_id, waits_kind, waits_token);
create table intake.pending_outcome (
  pending_id uuid primary key,
  outcome text not null check (outcome in ('accepted', 'unchanged', 'rejected', 'expired')),
  settled_at timestamptz not null
);

-- gate --------------------------------------------------------------------------------------------
create table gate.mint_key (
  only_row boolean primary key default true check (only_row),
  inner_pad bytea not null check (length(inner_pad) = 64),
  outer_pad bytea not null check (length(outer_pad) = 64)
);
create table gate.head (
  subject_id uuid primary key,
  head_version bigint not null default 0
) with (fillfactor = 70);
create table gate.head_event (
  subject_id uuid not null,
  head_version bigint not null,
  kind text not null check (kind in ('consent_given', 'consent_withdrawn', 'token_linked', 'token_unlinked')),
  token bytea not null,
  consent_id uuid,
  happened_at timestamptz not null,
  primary key (subject_id, head_version)
);
create table gate.consent (
  token bytea not null,
  consent_id uuid not null,
  captured_by uuid not null,
  recipient_id uuid,
  purpose text not null,
  data_classes text[] not null,
  valid_from timestamptz not null,
  valid_to timestamptz not null,
  given_at timestamptz not null,
  registered_at timestamptz not null,
  uses_allowed integer,
  artefact text not null,
  salt_sealed bytea not null,
  countersignature bytea not null,
  text_sha256 text not null,
  locale text not null,
  primary key (token, consent_id)
);
create table gate.consent_use (
  token bytea not null,
  consent_id uuid not null,
  used integer not null default 0,
  primary key (token, consent_id)
) with (fillfactor = 50);
create table gate.withdrawal (
  token bytea not null,
  consent_id uuid not null,
  withdrawn_at timestamptz not null,
  withdrawn_by text not null,
  primary key (token, consent_id)
);
create table directory.consent (
  consent_id uuid primary key,
  token bytea not null
);
create table gate.request (
  member_key text not null,
  request_key text not null,
  request_digest bytea not null,
  look_id uuid not null,
  token bytea not null,
  primary key (member_key, request_key)
);
create table gate.look_outbox (
  look_id uuid primary key,
  token bytea not null,
  commitment bytea not null,
  occurred_at timestamptz not null
);

-- log ---------------------------------------------------------------------------------------------
create table log.look (
  token bytea not null,
  look_id uuid not null,
  occurred_at timestamptz not null,
  member_id uuid,
  permit text not null,
  purpose text not null,
  outcome text not null,
  refusal_code text,
  subject_id uuid,
  consent_id uuid,
  audience text not null,
  as_of timestamptz,
  position bigint,
  log_size bigint,
  head_version bigint,
  versions text,
  body_digest bytea,
  salt bytea not null,
  primary key (token, look_id)
);
create index look_by_subject on log.look (subject_id, look_id) where subject_id is not null;
create index look_by_id on log.look (look_id);
create table log.body (
  subject_id uuid not null,
  look_id uuid not null,
  parties uuid[] not null,
  sealed bytea not null,
  readable_until timestamptz not null,
  kept_until timestamptz not null,
  primary key (subject_id, look_id)
);
alter table log.body alter column sealed set storage external;
create table log.entry (
  number bigint primary key check (number >= 0),
  kind text not null check (kind in ('look', 'publication')),
  look_id uuid unique,
  position bigint unique,
  commitment bytea not null check (length(commitment) = 32),
  sequenced_at timestamptz not null,
  check ((kind = 'look') = (look_id is not null) and (kind = 'publication') = (position is not null))
);
create table log.tree_head (
  size bigint primary key,
  root bytea not null,
  signed_at timestamptz not null,
  key_id text not null,
  signature bytea not null,
  frontier bytea not null
);
create table log.sequencer (
  only_row boolean primary key default true check (only_row)
);
insert into log.sequencer default values;
create table log.erasure (
  look_id uuid primary key,
  erased_at timestamptz not null,
  ground text not null,
  statement text not null
);
create table log.subject_erasure (
  subject_id uuid primary key,
  erased_at timestamptz not null,
  ground text not null,
  statement text not null
);

-- access: sessions and answered requests ------------------------------------------------------------
create table access.session (
  session_digest bytea primary key check (length(session_digest) = 32),
  persona text not null check (persona in ('person', 'furnisher', 'lender', 'operator')),
  member_id uuid,
  subject_id uuid,
  token bytea,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
create table access.idempotency (
  client_key text not null,
  request_key text not null,
  request_digest bytea not null,
  status integer not null,
  body text not null,
  answered_at timestamptz not null,
  primary key (client_key, request_key)
);
