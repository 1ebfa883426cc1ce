-- Codes of the registry that no table held yet: the reason of a correction, the reason and dataset of a
-- deletion. `duplicate_continued` is how a deletion's `duplicate` is kept where another number of the person
-- goes on. `not valid`: rows on file are read after this transaction, under a lock that lets others write.
alter table ledger.subject drop constraint if exists subject_reason_check;
alter table ledger.subject add constraint subject_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.account drop constraint if exists account_reason_check;
alter table ledger.account add constraint account_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.account_party drop constraint if exists account_party_reason_check;
alter table ledger.account_party add constraint account_party_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.event drop constraint if exists event_reason_check;
alter table ledger.event add constraint event_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.agreement drop constraint if exists agreement_reason_check;
alter table ledger.agreement add constraint agreement_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.guarantee drop constraint if exists guarantee_reason_check;
alter table ledger.guarantee add constraint guarantee_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.funding drop constraint if exists funding_reason_check;
alter table ledger.funding add constraint funding_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.payment drop constraint if exists payment_reason_check;
alter table ledger.payment add constraint payment_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.remark drop constraint if exists remark_reason_check;
alter table ledger.remark add constraint remark_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.member drop constraint if exists member_reason_check;
alter table ledger.member add constraint member_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.snapshot drop constraint if exists snapshot_reason_check;
alter table ledger.snapshot add constraint snapshot_reason_check check (reason in ('furnisher_error', 'system_error', 'dispute_upheld', 'court_order', 'identity_corrected', 'reinsertion_certified', 'other')) not valid;
alter table ledger.deletion drop constraint if exists deletion_reason_check;
alter table ledger.deletion add constraint deletion_reason_check check (reason in ('not_his', 'fraud', 'duplicate', 'duplicate_continued', 'furnished_in_error', 'no_basis', 'retention_over', 'court_order', 'other')) not valid;
alter table ledger.deletion drop constraint if exists deletion_dataset_check;
alter table ledger.deletion add constraint deletion_dataset_check check (dataset in ('subject', 'account', 'account_party', 'snapshot', 'event', 'agreement', 'guarantee', 'funding', 'payment', 'remark', 'member')) not valid;
