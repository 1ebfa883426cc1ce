-- Roles are the server's, not the database's: made only where they are missing.
do $$
declare name text;
begin
  foreach name in array array['tallystick_owner', 'tallystick_serve', 'tallystick_intake',
                              'tallystick_batch', 'tallystick_sequencer', 'tallystick_eraser'] loop
    begin
      if not exists (select from pg_roles where rolname = name) then
        execute format('create role %I nologin', name);
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another migration on the same server was quicker
    end;
    -- Before PostgreSQL 16 whoever is a member of a role may take it.
    if not pg_has_role(current_user, name,
        case when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end) then
      execute format('grant %I to current_user', name);
    end if;
  end loop;
  execute format('grant create on database %I to tallystick_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant temporary on database %I to tallystick_intake, tallystick_batch', current_database());
end $$;
