"""Names and birth dates: alike and clashing, each miss one step from its hit."""

from __future__ import annotations

import pytest

from tallystick.resolve import birth_dates_clash, clashes, names_alike, normal_name


@pytest.mark.parametrize(
    ("left", "right", "is_clash"),
    [
        ("1990-03-07", "1990-03-07", False),
        ("1990-03-07", "1990-03-08", False),  # a day
        ("1990-03-07", "1990-04-07", False),  # a month
        ("1990-03-07", "1991-03-07", False),  # a year
        ("1990-03-07", "1990-07-03", False),  # day and month exchanged
        ("1990-03-07", "1991-07-03", True),  # exchanged, and the year too
        ("1990-03-07", "1990-04-08", True),  # day and month
        ("1990-03-07", "1991-03-08", True),  # day and year
        ("1990-03-07", "1991-04-07", True),  # month and year
        ("1990-03-07", None, False),
        (None, None, False),
    ],
)
def test_birth_dates_clash_from_two_differences_on(left, right, is_clash):
    assert birth_dates_clash(left, right) is is_clash
    assert birth_dates_clash(right, left) is is_clash


@pytest.mark.parametrize(
    ("left", "right", "are_alike"),
    [
        ("Jaime Musolino", "musolino, jaime", True),
        ("Jaime Musolino", "Jamie Smith", True),  # .9333
        ("Paul Cole", "Paula Cole", True),
        ("José Álvarez", "Jose Alvarez", True),
        ("Paul Cole", "Mary Smith", False),
        ("陈小明", "陈晓明", True),  # two characters in common
        ("欧阳锋", "司马懿", False),
        ("陈䶮", "陈 䶮", True),
        ("Ann Lee", "Ian Roe", False),
    ],
)
def test_names_are_alike_when_one_token_is(left, right, are_alike):
    assert names_alike(left, right) is are_alike
    assert names_alike(right, left) is are_alike


def test_a_name_that_is_not_held_clashes_with_none():
    assert names_alike("", "Paul Cole") is True


def test_normal_names_ignore_case_accents_and_separators():
    assert normal_name("  O’Brien-SMITH,  José ") == "o brien smith jose"


@pytest.mark.parametrize(
    ("name", "birth_date", "is_clash"),
    [
        ("Paul Cole", "1990-03-07", False),
        ("Paul Cole", "1991-04-07", True),
        ("Mary Smith", "1990-03-07", True),
    ],
)
def test_a_clash_is_two_date_parts_or_no_token_alike(name, birth_date, is_clash):
    assert clashes(name, birth_date, "Cole, Paul", "1990-03-07") is is_clash
