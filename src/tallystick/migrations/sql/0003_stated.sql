-- A further ground of a link: the furnisher's word that a person with a number is one it knew by account, role and
-- holder number before.
alter table identity.link drop constraint link_decision_check;
alter table identity.link add constraint link_decision_check check (decision in ('new', 'token', 'stated', 'name_and_birth_date', 'clash', 'weak', 'linked', 'unlinked'));
