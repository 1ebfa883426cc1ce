"""What the file itself says beside each of its rows: duplicates, months before, numbers' checks."""

from __future__ import annotations

from tallystick.formats import Dataset, columns, load
from tallystick.profile import ProfileAt
from tallystick.service.keys_of_rows import file_key_sql
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Datasets that only the account's holder of the time may speak in.
BY_HOLDER = ("account", "account_party", "snapshot", "event", "guarantee", "remark")
#: DuckDB: the day of an event of the file (`r`) in its own offset.
EVENT_DAY = "(r.occurred_at at time zone 'UTC' + to_minutes(r.occurred_at_offset_minutes))::date"


def definition(dataset: str) -> Dataset:
    """The registry's definition of a dataset."""
    return load()[dataset]


def row_columns(job: Job) -> set[str]:
    """The columns of a job's table `row`."""
    return {"line_no", *(column.name for column in columns(definition(job.dataset)))}


def load_buckets(job: Job, profile: ProfileAt) -> None:
    """DuckDB table `bucket_ref`: the codes of the profile's set and what each means."""
    job.con.execute(
        "create or replace table bucket_ref (code varchar, rank integer, kind varchar,"
        " days_min integer, days_max integer)"
    )
    insert_rows(
        job.con,
        "bucket_ref",
        [
            (one.code, one.rank, one.kind, one.days_min, one.days_max)
            for one in profile.buckets.values()
        ],
    )


def load_identifiers(job: Job, profile: ProfileAt) -> None:
    """DuckDB table `identifier_check`: verdicts on identity numbers, by the profile's checks."""
    job.con.execute(
        "create or replace table identifier_check (line_no bigint, verdict varchar,"
        " is_placeholder boolean, birth_date date, sex varchar)"
    )
    _, batches = job.read(
        'select line_no, identifier_scheme, identifier_number from "row"'
        " where identifier_scheme is not null and identifier_number is not null",
        5000,
    )
    for rows in batches:
        verdicts = [
            (
                line,
                profile.check_identifier(scheme, number),
                profile.is_placeholder(number),
                *profile.identifier_facts(scheme, number),
            )
            for line, scheme, number in rows
        ]
        insert_rows(job.con, "identifier_check", verdicts)


def load_duplicates(job: Job) -> None:
    """DuckDB table `duplicate_of`: lines whose key an earlier line has, and whether it says so."""
    names = sorted(row_columns(job) - {"line_no"})
    content = f"hash({', '.join('r.' + name for name in names)})"
    key, accounts = file_key_sql(job.dataset), ""
    if (
        job.dataset in BY_HOLDER
        and job.con.execute("select 1 from two_numbers limit 1").fetchone() is not None
    ):
        key = file_key_sql(job.dataset, "coalesce(a.object_id::varchar, r.account_number)")
        accounts = " left join account_state a on a.number = r.account_number"
    keyed = f'from "row" r{accounts}'
    made = "create or replace table duplicate_of"
    if job.con.execute(
        f"select 1 {keyed} group by hash({key}) having count(*) > 1 limit 1"
    ).fetchone():
        job.con.execute(
            f"{made} as select * from (select line_no,"
            " first_value(line_no) over w as first_line_no,"
            " first_value(content) over w = content as is_equal from (select r.line_no,"
            f" hash({key}) as file_key, {content} as content {keyed})"
            " window w as (partition by file_key order by line_no)) where first_line_no <> line_no"
        )
    else:  # as nearly always
        job.con.execute(f"{made} (line_no bigint, first_line_no bigint, is_equal boolean)")


def load_previous(job: Job) -> bool:
    """DuckDB table `previous`: the newest earlier month of each row: in the file, else on file.

    Gives: whether any row has a date of first delinquency
    """
    if job.dataset == "payment":
        job.con.execute(
            "create or replace table previous as select line_no, lag(period_end) over w as"
            " period_end, lag(bucket) over w as bucket, null::bigint as balance_minor,"
            ' null::date as first_delinquency_on, null::varchar as status from "row"'
            " window w as (partition by payer_account_number order by period_end)"
        )
        return False
    several, has_first_days = job.con.execute(
        "select bool_or(months > 1), bool_or(is_dated) from (select count(*) as months,"
        ' bool_or(first_delinquency_on is not null) as is_dated from "row" group by account_number)'
    ).fetchall()[0]
    job.con.execute(f"create or replace table previous as {_IN_FILE if several else _ON_FILE}")
    return bool(has_first_days)


#: Where the file has one month of each account.
_ON_FILE = """
select r.line_no, a.last_period_end as period_end, a.last_bucket as bucket,
  a.last_balance_minor as balance_minor, a.first_delinquency_on, a.last_status as status
from "row" r join account_state a on a.number = r.account_number
where a.last_period_end < r.period_end
"""
_IN_FILE = """
select line_no, coalesce(prev_end, last_period_end) as period_end,
  if(prev_end is null, last_bucket, prev_bucket) as bucket,
  if(prev_end is null, last_balance_minor, prev_balance) as balance_minor,
  if(prev_end is null, last_first, prev_first) as first_delinquency_on,
  if(prev_end is null, last_status, prev_status) as status
from (select r.line_no, lag(r.period_end) over w as prev_end,
    lag(r.bucket) over w as prev_bucket, lag(r.balance_minor) over w as prev_balance,
    lag(r.first_delinquency_on) over w as prev_first, lag(r.status) over w as prev_status,
    if(a.last_period_end < r.period_end, a.last_period_end, null) as last_period_end,
    a.last_bucket, a.last_balance_minor, a.first_delinquency_on as last_first, a.last_status
  from "row" r left join account_state a on a.number = r.account_number
  window w as (partition by r.account_number order by r.period_end))
where coalesce(prev_end, last_period_end) is not null
"""
