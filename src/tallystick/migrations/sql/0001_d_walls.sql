-- Walls: who may do what (docs/reference/roles.md), and row-level security on the files.

-- Months of the ledger are partitions, made when their first row comes: rows of one period lie
-- together, which spares scattered full-page images in the write-ahead log.
create function ledger.ensure_month(first_day date) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare part text := format('snapshot_%s', to_char(first_day, 'YYYY_MM'));
begin
  if to_regclass('ledger.' || part) is not null then return; end if;
  perform 1 from ledger.month_maker where only_row for update;
  -- Asked of the table: the name's cache may still say "none" after waiting for whoever made it.
  if exists (select from pg_class where relnamespace = 'ledger'::regnamespace and relname = part) then
    return;
  end if;
  execute format('create table ledger.%I (like ledger.snapshot including defaults including constraints)', part);
  execute format('alter table ledger.snapshot attach partition ledger.%I for values from (%L) to (%L)',
                 part, first_day, (first_day + interval '1 month')::date);
  execute format('grant select, insert on ledger.%I to tallystick_intake', part);
  execute format('grant select on ledger.%I to tallystick_serve, tallystick_batch', part);
  execute format('grant select, delete on ledger.%I to tallystick_eraser', part);
end $$;
create table ledger.month_maker (
  only_row boolean primary key default true check (only_row)
);
insert into ledger.month_maker default values;
revoke all on function ledger.ensure_month(date) from public;
grant execute on function ledger.ensure_month(date) to tallystick_intake;

-- The subject this transaction has leave to read: the setting carries a MAC over (subject,
-- transaction id), so a value from another transaction, or one made without the key, opens nothing.
create function gate.permitted_subject() returns uuid
language plpgsql stable security definer set search_path = pg_catalog as $$
declare
  given text := current_setting('tallystick.permit', true);
  pads record;
begin
  if given is null or length(given) <> 101 then return null; end if;
  select inner_pad, outer_pad into pads from gate.mint_key;
  if encode(sha256(pads.outer_pad || sha256(pads.inner_pad
       || convert_to(left(given, 36) || ':' || pg_current_xact_id()::text, 'UTF8'))), 'hex')
     <> right(given, 64) then
    return null;
  end if;
  return left(given, 36)::uuid;
end $$;
revoke all on function gate.permitted_subject() from public;
grant execute on function gate.permitted_subject() to tallystick_serve;

alter table file.subject enable row level security;
alter table file.account enable row level security;
create policy serve_permitted on file.subject for select to tallystick_serve
  using (subject_id = (select gate.permitted_subject()));
create policy serve_permitted on file.account for select to tallystick_serve
  using (subject_id = (select gate.permitted_subject()));
create policy intake_all on file.subject for all to tallystick_intake using (true) with check (true);
create policy intake_all on file.account for all to tallystick_intake using (true) with check (true);
create policy batch_none on file.subject for select to tallystick_batch using (false);
create policy eraser_all on file.subject for all to tallystick_eraser using (true) with check (true);
create policy eraser_all on file.account for all to tallystick_eraser using (true) with check (true);

grant usage on schema meta, member, directory, identity, ledger, file, intake, gate, log, access
  to tallystick_serve, tallystick_intake, tallystick_batch, tallystick_sequencer, tallystick_eraser;
grant select on all tables in schema meta, member to tallystick_serve, tallystick_intake, tallystick_batch, tallystick_eraser;

-- serve: answers. Reads files under a permit, writes looks, consents, sessions; never the ledger.
grant insert on member.member, member.api_key, member.api_key_revocation, member.public_key to tallystick_serve;
grant select on all tables in schema directory, identity, ledger, intake, gate, log, access to tallystick_serve;
revoke select on gate.mint_key from tallystick_serve;
grant select on file.subject, file.account to tallystick_serve;
grant insert on directory.token, directory.token_subject, directory.consent to tallystick_serve;
grant insert on gate.consent, gate.consent_use, gate.withdrawal, gate.head, gate.head_event, gate.request, gate.look_outbox to tallystick_serve;
grant update on gate.consent_use, gate.head to tallystick_serve;
grant update (first_seen_at) on directory.token to tallystick_serve; -- FOR UPDATE needs it; the row never changes
grant insert on log.look, log.body to tallystick_serve;
grant insert, delete on access.session to tallystick_serve;
grant insert on access.idempotency to tallystick_serve;
grant insert on intake.submission, intake.raw_part, directory.submission to tallystick_serve;

-- intake: publishes, resolves, rebuilds. Cannot read bodies or looks.
grant select, insert on all tables in schema directory, identity to tallystick_intake;
grant update, delete on directory.token_subject, directory.party_subject to tallystick_intake;
grant update (first_seen_at) on directory.token to tallystick_intake;
grant select, insert on all tables in schema ledger to tallystick_intake;
revoke insert on ledger.counter, ledger.erased from tallystick_intake;
grant update on ledger.counter to tallystick_intake;
grant select, insert, update, delete on file.subject, file.account to tallystick_intake;
grant select, insert on all tables in schema intake to tallystick_intake;
grant update on intake.submission to tallystick_intake;
grant select, insert, update on gate.head to tallystick_intake;
grant select, insert on gate.head_event, gate.consent, gate.consent_use, gate.withdrawal to tallystick_intake;
grant select on log.entry to tallystick_intake;

-- batch: aggregates over the ledger, no person's file.
grant select on ledger.snapshot, ledger.chunk, ledger.publication, ledger.counter to tallystick_batch;

-- sequencer: numbers looks.
grant select, delete on gate.look_outbox to tallystick_sequencer;
grant select on ledger.publication, ledger.chunk to tallystick_sequencer;
grant select, insert on log.entry, log.tree_head to tallystick_sequencer;
grant select, update on log.sequencer to tallystick_sequencer;
grant select on log.look, log.erasure, log.subject_erasure to tallystick_sequencer;

-- eraser: the only one who deletes from ledger or log.
grant select, delete on all tables in schema ledger, identity, directory to tallystick_eraser;
revoke delete on ledger.counter, ledger.publication, ledger.chunk, ledger.erased, ledger.month_maker from tallystick_eraser;
grant insert on ledger.erased, log.erasure, log.subject_erasure to tallystick_eraser;
grant select, delete on log.look, log.body, file.subject, file.account to tallystick_eraser;
grant update (first_seen_at) on directory.token to tallystick_eraser; -- FOR UPDATE needs it
grant update (document) on file.subject to tallystick_eraser;
grant update (token) on gate.request to tallystick_eraser;
grant update (changed_by) on file.account to tallystick_eraser; -- FOR UPDATE needs it
grant select on log.erasure, log.subject_erasure, log.entry to tallystick_eraser;
grant select, delete on gate.consent, gate.consent_use, gate.withdrawal, gate.head_event, gate.request to tallystick_eraser;
grant select, update on gate.head to tallystick_eraser;
grant select, delete on intake.raw_part, intake.finding, intake.pending to tallystick_eraser;
grant select on intake.submission to tallystick_eraser;
grant select, delete on access.session, access.idempotency to tallystick_eraser;
