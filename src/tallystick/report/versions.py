"""The versions of the report's format, and all that differs between them.

New answers are made in the newest. An earlier one never changes: an answer given in it comes again
in it, byte for byte, so its schema and its golden files stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from tallystick.model.ids import edge_position


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: what a body says in it otherwise than in another.

    `name` is the `format` of its bodies and is kept with each look; `schema` names its file;
    `news` says to readers what is new in it; `position` makes `header.position`;
    `counts_again`: in `inquiries` an answer given again is one inquiry more; `adds_draws`: limits
    of draws on one agreement that is not at hand are added up; `keeps_repaid`: a line that does not
    revolve counts as not drawn when all of it is paid back; `total_of_none`: the sum where nothing
    is open that could have an amount; `shows_old`: of what is older than the law keeps only late
    months are left out, and their events only where the months are in the grid; `hides_silently`:
    `header.withheld` leaves out events withheld with their accounts; `shows_responsibility`: for
    how much she answers; `counts_unowed`: months late while she only answered for a debt count as
    her own once she owes it; `orders_by_text`: events stand in the order of their text, and those
    of all the day of `as_of` are told; `settles_by_months`: only a month says that what was late is
    paid, a closing as paid does not; and `latest` is shown though its month is too old;
    `tells_erased`: `header.withheld` says how many accounts of hers went with another's erasure;
    `masks_event_ids_by_furnisher`: a lender reads the ids of events that it sent itself, not of all
    events of its accounts; `repeats_limits`: the limit of an agreement that is not at hand counts
    in each row that has a draw on it, and is not known where the last of these leaves it out;
    `hides_by_month`: payments of one payer in one month are too old all together, if one is;
    `cuts_events_by_text`: an event is told from the day on that it was written with, at whatever
    offset, and is of her time by that day; `names_holder_of_remarks`: a remark on an account is
    its present furnisher's, whoever stated it; `names_itself_formerly`: terms that go on from
    another number name the very account they stand in, and not that number.
    """

    name: str
    schema: str
    news: str
    position: Callable[[int], int | str]
    counts_again: bool = False
    adds_draws: bool = False
    keeps_repaid: bool = False
    total_of_none: str = "not_applicable"
    shows_old: bool = False
    hides_silently: bool = False
    shows_responsibility: bool = True
    counts_unowed: bool = False
    orders_by_text: bool = False
    settles_by_months: bool = False
    tells_erased: bool = True
    masks_event_ids_by_furnisher: bool = True
    repeats_limits: bool = False
    hides_by_month: bool = False
    cuts_events_by_text: bool = False
    names_holder_of_remarks: bool = False
    names_itself_formerly: bool = False


_VERSION_6 = Version(
    name="tallystick.report/6",
    schema="report-v6.schema.json",
    news="A limit drawn on by accounts of several products counts in the row of the first of them"
    " that is open; one account that leaves it out no longer makes unknown what another tells; of"
    " several payments of one payer in a month each is too old, or not, for itself; an event is"
    " told from its instant on, and is of the time of a role by the day of the profile's time"
    " zone; a remark on an account stands under who stated it, also after a sale;"
    " `terms.formerly_account_id` names another account only, and the person reads"
    " `formerly_account_number`.",
    position=edge_position,
)
_VERSION_5 = replace(
    _VERSION_6,
    name="tallystick.report/5",
    schema="report-v5.schema.json",
    news="Late months of an account that its terms close as `paid`, `refinanced` or"
    " `settled_for_less` are kept from that closing, count as not late now, and are told by no"
    " `latest` once they are too old; `header.withheld` counts accounts that went with the erasure"
    " of their first borrower; a lender reads `event_id` of the events that it sent itself, not of"
    " those of who had the account before.",
    repeats_limits=True,
    hides_by_month=True,
    cuts_events_by_text=True,
    names_holder_of_remarks=True,
    names_itself_formerly=True,
)
_VERSION_4 = replace(
    _VERSION_5,
    name="tallystick.report/4",
    schema="report-v4.schema.json",
    news="Where no account is open a total is `not_applicable`, not `not_reported`; a line that"
    " does not revolve has no limit left when it is paid back; months and payments older than the"
    " law keeps are left out alike, late or not, and so are old events of lateness;"
    " `header.withheld` names `events` where their accounts are withheld; `responsibility` says for"
    " how much a guarantor answers; months late before she owed a debt herself do not count as her"
    " own; events stand in the order they happened, up to `as_of`.",
    settles_by_months=True,
    tells_erased=False,
    masks_event_ids_by_furnisher=False,
)
_VERSION_3 = replace(
    _VERSION_4,
    name="tallystick.report/3",
    schema="report-v3.schema.json",
    news="`inquiries` counts no answer given again, which was one inquiry more; a limit told by"
    " several draws counts once.",
    keeps_repaid=True,
    total_of_none="not_reported",
    shows_old=True,
    hides_silently=True,
    shows_responsibility=False,
    counts_unowed=True,
    orders_by_text=True,
)
_VERSION_2 = replace(
    _VERSION_3,
    name="tallystick.report/2",
    schema="report-v2.schema.json",
    news="`header.position` is an opaque string; it was an integer.",
    counts_again=True,
    adds_draws=True,
)
_VERSION_1 = replace(
    _VERSION_2,
    name="tallystick.report/1",
    schema="report-v1.schema.json",
    news="The first.",
    position=int,
)
#: By name.
VERSIONS: Mapping[str, Version] = MappingProxyType(
    {
        version.name: version
        for version in (
            _VERSION_1,
            _VERSION_2,
            _VERSION_3,
            _VERSION_4,
            _VERSION_5,
            _VERSION_6,
        )
    }
)
#: What new answers are made in.
NEWEST = _VERSION_6
