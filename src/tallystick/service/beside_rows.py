"""What the file itself says beside each of its rows: duplicates, months before, numbers' checks."""

from __future__ import annotations

from tallystick.formats import Dataset, columns, load
from tallystick.profile import ProfileAt
from tallystick.service import duplicates
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


def load_duplicates(job: Job, *, corrections: bool = False) -> None:
    """The tables of `duplicates.load`, over the rows of a job.

    Takes: `corrections`: each row is carried by one, which says the same only with the same reason
           and of the same record replaced
    """
    content = ", ".join(f"r.{name}" for name in sorted(row_columns(job) - {"line_no"}))
    key, joins = file_key_sql(job.dataset), ""
    if corrections:
        content, joins = f"{content}, {duplicates.KEPT_SAYS}", duplicates.KEPT_JOIN
    if (
        job.dataset in BY_HOLDER
        and job.con.execute("select 1 from two_numbers limit 1").fetchone() is not None
    ):
        key = file_key_sql(job.dataset, "coalesce(a.object_id::varchar, r.account_number)")
        joins += " left join account_state a on a.number = r.account_number"
    duplicates.load(job.con, key, content, joins)


def load_previous(job: Job) -> bool:
    """DuckDB table `previous`: the newest earlier month of each row: in the file, else on file.

    Takes: the tables of `load_duplicates`
    Gives: whether any row has a date of first delinquency
    """
    if job.dataset == "payment":
        before = _earlier(job, "payer_account_number", "period_end", "bucket")
        job.con.execute(
            "create or replace table previous as select line_no, prev_period_end as period_end,"
            " prev_bucket as bucket, null::bigint as balance_minor,"
            f" null::date as first_delinquency_on, null::varchar as status from ({before})"
        )
        return False
    several, has_first_days = job.con.execute(
        "select bool_or(months > 1), bool_or(is_dated) from (select count(*) as months,"
        ' bool_or(first_delinquency_on is not null) as is_dated from "row" group by account_number)'
    ).fetchall()[0]
    months = (
        _IN_FILE.format(earlier=_earlier(job, "account_number", *_TOLD)) if several else _ON_FILE
    )
    job.con.execute(f"create or replace table previous as {months}")
    return bool(has_first_days)


def _earlier(job: Job, number: str, *names: str) -> str:
    """The query of what the file's nearest earlier month of the same number says beside each row,
    as `prev_` and its name. Of a month that several rows tell the one that stands counts.
    """
    row = f"r.line_no, r.{number}, r.period_end"
    if not job.filled("duplicate_of", "unread_twin"):
        parts = ", ".join(f"lag(r.{name}) over w as prev_{name}" for name in names)
        window = f"partition by r.{number} order by r.period_end"
        return f'select {row}, {parts} from "row" r window w as ({window})'
    parts = ", ".join(f"p.{name} as prev_{name}" for name in names)
    return (
        f'select {row}, {parts} from "row" r asof left join (select * from "row" where line_no'
        " not in (select line_no from duplicate_of union all select line_no from unread_twin)) p"
        f" on p.{number} = r.{number} and r.period_end > p.period_end"
    )


_TOLD = ("period_end", "bucket", "balance_minor", "first_delinquency_on", "status")
#: Where the file has one month of each account.
_ON_FILE = """
select r.line_no, a.last_period_end as period_end, a.last_bucket as bucket,
  a.last_balance_minor as balance_minor, a.first_delinquency_on, a.last_status as status
from "row" r join account_state a on a.number = r.account_number
where a.last_period_end < r.period_end
"""
_IN_FILE = """
select line_no, coalesce(prev_period_end, last_period_end) as period_end,
  if(prev_period_end is null, last_bucket, prev_bucket) as bucket,
  if(prev_period_end is null, last_balance_minor, prev_balance_minor) as balance_minor,
  if(prev_period_end is null, last_first, prev_first_delinquency_on) as first_delinquency_on,
  if(prev_period_end is null, last_status, prev_status) as status
from (select e.*,
    if(a.last_period_end < e.period_end, a.last_period_end, null) as last_period_end,
    a.last_bucket, a.last_balance_minor, a.first_delinquency_on as last_first, a.last_status
  from ({earlier}) e left join account_state a on a.number = e.account_number)
where coalesce(prev_period_end, last_period_end) is not null
"""
