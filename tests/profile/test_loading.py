"""Loading refuses what lacks unit, source or start, and says in which file and where."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from tallystick.errors import ProfileError
from tallystick.profile import Profile, known_profiles

DAY = date(2026, 6, 15)
PROFILE, PURPOSES, SCHEMES = "profile.toml", "purposes.toml", "identifiers.toml"
RULES, BUCKETS = "rules.toml", "codes/buckets.csv"
RAW_DAYS = '[values.raw_days]\nunit = "days"\ncite = "Model Act s. 24(1)"\nstatus = "primary"\n'
FREE = "values = [{ from = 2000-01-01, value = 2 }, { from = 2024-01-01, value = 12 }]"
RULE = '["ACC-DATE-004"]\nunit = "severity"\ncite = "x"\nstatus = "primary"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with as_file(files("tallystick.profile") / "jurisdictions") as source:
        shutil.copytree(source / "zz", tmp_path / "zz")
    return tmp_path


def replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "zz" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


FAULTS = [
    (PROFILE, RAW_DAYS, RAW_DAYS.replace('unit = "days"\n', ""), "values.raw_days.unit"),
    (PROFILE, RAW_DAYS, RAW_DAYS.replace('"days"', '"months"'), "values.raw_days.unit"),
    (PROFILE, RAW_DAYS, RAW_DAYS.replace("Model Act s. 24(1)", " "), "values.raw_days.cite"),
    (PROFILE, RAW_DAYS, RAW_DAYS.replace("primary", "sure"), "values.raw_days.status"),
    (PROFILE, RAW_DAYS, RAW_DAYS + "note = 1\n", "values.raw_days: unknown keys: note"),
    (PROFILE, "values.raw_days]", "values.raw_dais]", "values.raw_days: is missing"),
    (PROFILE, '\n[codes', '\nextra = 1\n[codes', "(top): unknown keys: extra"),
    (PROFILE, 'id = "zz"', 'id = "yy"', "id: is 'yy'"),
    (PROFILE, FREE, "values = [{ value = 2 }]", "free_reports_per_year.values[0].from"),
    (PROFILE, FREE, "values = []", "free_reports_per_year.values"),
    (PROFILE, FREE, FREE.replace("2024-01-01", "1999-12-31"), "values[1]: values are not sorted"),
    (PROFILE, FREE, FREE.replace("2024-01-01", "2000-01-01"), "values[1]: values are not sorted"),
    (PROFILE, FREE, FREE.replace("value = 2 ", "until = 2024-01-02, value = 2 "), "overlaps"),
    (PROFILE, FREE, FREE.replace("value = 2 ", "until = 2000-01-01, value = 2 "), "ends before"),
    (PROFILE, FREE, FREE.replace("value = 2 ", 'value = "2" '), "values[0].value: must be an int"),
    (PROFILE, FREE, FREE.replace("value = 12", "value = 2.5"), "values[1].value: must be an int"),
    (PROFILE, FREE, FREE.replace("value = 12", "value = 367"), "values[1].value: must be an int"),
    (PROFILE, FREE, FREE.replace("2024-01-01", "2024-01-01T00:00:00"), "values[1].from"),
    (PROFILE, '"Asia/Shanghai"', '"Mars/Olympus"', "time_zone.values[0].value"),
    (PROFILE, '"CNY"', '"XXX"', "currency.values[0].value"),
    (PROFILE, "[30, 90, 365, 730]", "[90, 30]", "inquiry_windows_days.values[0].value"),
    (PROFILE, "= [", "= [[", "not readable as TOML"),
    (PURPOSES, 'effect = "hard"', 'effect = "harsh"', "credit_application.effect"),
    (PURPOSES, 'permits = ["consent"]', "permits = []", "credit_application.permits"),
    (PURPOSES, "from = 2000-01-01", "", "credit_application.from"),
    (SCHEMES, '"iso7064_mod_97_10"', '"luhn"', "zz_person_number.check"),
    (SCHEMES, "[6, 14]", "[14, 6]", "cn_resident_id.birth_date_at"),
    (SCHEMES, '"[0-9]{10}"', '"[0-9{10}("', "zz_person_number.pattern"),
    (RULES, "# Severity", RULE + 'values = [{ from = 2025-01-01, value = "loud" }]\n#', "ACC-DATE"),
    (BUCKETS, "C,,closed,,,Closed", "C,,closed,,,", "line 8: title_en"),
    (BUCKETS, "1,1,late,1,30", "1,,late,1,30", "line 3: rank"),
    (BUCKETS, "0,0,current", "0,1,current", "line 2: rank"),
    (BUCKETS, "1,1,late,1,30", "1,1,late,31,30", "line 3: days_max"),
    (BUCKETS, "1,1,late", "11,1,late", "line 3: code"),
    (BUCKETS, "1,1,late", "0,1,late", "line 3: code: stands twice"),
    (BUCKETS, "X,,unknown", "X,,closed", "kind unknown is required"),
    (BUCKETS, "code,rank", "code,order", "the header must be"),
    (BUCKETS, "2000-01-01,,Model", "2000-13-01,,Model", "line 2: a number or a date"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), FAULTS)
def test_one_fault_is_refused_with_file_and_path(
    folder: Path, name: str, old: str, new: str, said: str
) -> None:
    replace(folder, name, old, new)

    with pytest.raises(ProfileError) as raised:
        Profile.load("zz", folder=folder)

    assert f"zz/{name}" in str(raised.value)
    assert said in str(raised.value)


def test_a_missing_file_and_an_unknown_profile_are_refused(folder: Path) -> None:
    (folder / "zz" / "rules.toml").unlink()

    with pytest.raises(ProfileError, match=r"zz/rules\.toml: is missing"):
        Profile.load("zz", folder=folder)
    with pytest.raises(ProfileError, match="no such profile; there are: zz"):
        Profile.load("yy", folder=folder)
    with pytest.raises(ProfileError, match="no such profile"):
        Profile.load("../zz", folder=folder)


def test_a_draft_loads_for_tests_and_is_refused_live(folder: Path) -> None:
    replace(folder, PROFILE, RAW_DAYS, RAW_DAYS.replace("primary", "draft"))
    (folder / "zz" / "INVENTED").unlink()

    assert Profile.load("zz", folder=folder).on(DAY).raw_days == 30
    with pytest.raises(ProfileError, match=r"values\.raw_days: is a draft"):
        Profile.load("zz", live=True, folder=folder)


@pytest.mark.parametrize(
    ("day", "free_reports"),
    [(date(2023, 12, 31), 2), (date(2024, 1, 1), 12), (date(2024, 1, 2), 12)],
)
def test_a_value_holds_from_its_first_day_on(day: date, free_reports: int) -> None:
    assert Profile.load("zz").on(day).free_reports_per_year == free_reports


def test_a_day_before_every_value_is_refused() -> None:
    profile = Profile.load("zz")

    assert profile.on(date(2000, 1, 1)).currency == "CNY"
    with pytest.raises(ProfileError, match="not in force on 1999-12-31"):
        profile.on(date(1999, 12, 31))


def test_a_value_that_ended_is_not_in_force(folder: Path) -> None:
    replace(folder, PROFILE, FREE, FREE.replace("value = 12", "until = 2025-01-01, value = 12"))
    profile = Profile.load("zz", folder=folder)

    assert profile.on(date(2024, 12, 31)).free_reports_per_year == 12
    with pytest.raises(ProfileError, match="free_reports_per_year: not in force"):
        profile.on(date(2025, 1, 1))


def test_a_rule_override_holds_from_its_day(folder: Path) -> None:
    values = 'values = [{ from = 2025-01-01, value = "warn" }]\n'
    replace(folder, RULES, "# Severity", RULE + values + "#")
    profile = Profile.load("zz", folder=folder)

    assert profile.on(date(2024, 12, 31)).rules == {}
    assert profile.on(date(2025, 1, 1)).rules == {"ACC-DATE-004": "warn"}


def test_other_bytes_are_another_version(folder: Path) -> None:
    before = Profile.load("zz", folder=folder).version
    replace(folder, BUCKETS, "No arrears", "No arrears at all")

    assert Profile.load("zz").version == before
    assert Profile.load("zz", folder=folder).version != before


def test_invented_law_loads_for_tests_and_is_refused_live(folder: Path) -> None:
    """Though each of its values has a source: that is made up, too."""
    for given in (None, folder):
        assert not Profile.load("zz", folder=given).on(DAY).is_live
        with pytest.raises(ProfileError, match=r"zz/INVENTED: its law is made up.*test mode"):
            Profile.load("zz", live=True, folder=given)
    (folder / "zz" / "INVENTED").unlink()
    found = Profile.load("zz", live=True, folder=folder)
    assert found.on(DAY).is_live
    assert found.version == Profile.load("zz").version


def test_every_profile_loads_and_a_draft_not_live() -> None:
    assert known_profiles() == ("cn", "zz")
    with pytest.raises(ProfileError, match="is a draft"):
        Profile.load("cn", live=True)
    assert Profile.load("cn").on(DAY).negative_kept_months == 60


@pytest.mark.parametrize(
    ("instant", "free_reports"),
    [("2023-12-31T15:59:59+00:00", 2), ("2023-12-31T16:00:00+00:00", 12),
     ("2023-12-31T16:30:00+00:00", 12), ("2023-12-31T23:59:59+08:00", 2),
     ("2024-01-01T00:00:00+08:00", 12), ("2024-01-01T04:00:00+14:00", 2)],
)  # fmt: skip
def test_an_instants_values_are_those_of_its_day_where_the_profile_lives(
    instant: str, free_reports: int
) -> None:
    assert Profile.load("zz").at(datetime.fromisoformat(instant)).free_reports_per_year == (
        free_reports
    )


@pytest.mark.parametrize("profile_id", known_profiles())
def test_a_profile_begins_with_its_first_day_where_it_lives(profile_id: str) -> None:
    profile = Profile.load(profile_id)
    first = max(value.entries[0].start for value in profile.values.values())
    begins = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=8)

    assert profile.at(begins).day == first
    with pytest.raises(ProfileError, match="not in force"):
        profile.at(begins - timedelta(seconds=1))


ZONE = 'values = [{ from = 2000-01-01, value = "Asia/Shanghai" }]'


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [("Asia/Tokyo", "2024-12-31T14:59:59Z", date(2024, 12, 31)),
     ("Asia/Tokyo", "2024-12-31T15:00:00Z", date(2025, 1, 1)),
     ("Asia/Tokyo", "2025-01-01T15:00:00Z", date(2025, 1, 2)),
     ("Asia/Bangkok", "2024-12-31T15:59:59Z", date(2024, 12, 31)),
     ("Asia/Bangkok", "2024-12-31T17:00:00Z", date(2025, 1, 1)),
     ("Asia/Bangkok", "2025-01-01T16:59:59Z", date(2025, 1, 1)),
     ("Asia/Bangkok", "2025-01-01T17:00:00Z", date(2025, 1, 2))],
)  # fmt: skip
def test_another_time_zone_holds_from_its_own_first_midnight(
    folder: Path, zone: str, instant: str, day: date
) -> None:
    later = f'{ZONE[:-1]}, {{ from = 2025-01-01, value = "{zone}" }}]'
    replace(folder, PROFILE, ZONE, later)

    moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))

    assert Profile.load("zz", folder=folder).day_of(moment) == day


def test_a_time_zone_that_ended_gives_no_day(folder: Path) -> None:
    replace(folder, PROFILE, ZONE, ZONE.replace("value =", "until = 2025-01-01, value ="))
    profile = Profile.load("zz", folder=folder)
    end = datetime(2024, 12, 31, 16, tzinfo=UTC)

    assert profile.day_of(end - timedelta(seconds=1)) == date(2024, 12, 31)
    with pytest.raises(ProfileError, match="time_zone: not in force"):
        profile.day_of(end)


WORDS = '[buckets]\nC = { en = "Closed", zh = "已关闭" }\n'


def test_words_are_shown_in_place_of_the_lists_own_and_are_no_law(folder: Path) -> None:
    (folder / "zz" / "words.toml").unlink()
    plain = Profile.load("zz", folder=folder)
    (folder / "zz" / "words.toml").write_text(WORDS, "utf-8")
    worded = Profile.load("zz", folder=folder)

    assert [plain.on(DAY).buckets[one].title_zh for one in "C0"] == ["已结清", "无逾期"]
    assert [worded.on(DAY).buckets[one].title_zh for one in "C0"] == ["已关闭", "无逾期"]
    assert worded.on(DAY).buckets["C"].kind == "closed"
    assert plain.version == worded.version == Profile.load("zz").version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WORDS.replace("C =", "Q ="), "buckets: unknown keys: Q"),
        (WORDS.replace('en = "Closed", ', ""), "buckets.C.en: is missing"),
        (WORDS.replace("已关闭", " "), "buckets.C.zh: must be a non-empty string"),
        (WORDS + "[schemes]\n", "(top): unknown keys: schemes"),
        ("", "buckets: is missing"),
        ("[", "not readable as TOML"),
    ],
)
def test_words_of_what_is_not_there_are_refused(folder: Path, text: str, said: str) -> None:
    (folder / "zz" / "words.toml").write_text(text, "utf-8")

    with pytest.raises(ProfileError) as raised:
        Profile.load("zz", folder=folder)

    assert "zz/words.toml" in str(raised.value)
    assert said in str(raised.value)
