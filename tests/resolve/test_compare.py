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
        ("1990-03-07", "1991-07-03", False),  # exchanged, and the year: one difference
        ("1990-03-04", "1991-04-03", False),
        ("1990-03-07", "1991-07-04", True),  # the year, and one step from an exchange
        ("1990-03-07", "1990-07-04", True),
        ("1990-03-07", "1991-08-03", True),
        ("1990-03-03", "1991-03-03", False),  # nothing to exchange
        ("1990-03-03", "1991-03-04", True),
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
        ("陈小明", "Paul Cole", False),
        ("Ann Lee", "Ian Roe", False),
    ],
)
def test_names_are_alike_when_one_token_is(left, right, are_alike):
    assert names_alike(left, right) is are_alike
    assert names_alike(right, left) is are_alike


@pytest.mark.parametrize(
    ("left", "right", "are_alike"),
    [
        ("陈小明", "陈晓明", True),  # two characters in common
        ("陈小明", "陈大红", False),  # the family name alone
        ("陈明", "陈红", False),
        ("陈明", "陈明亮", True),
        ("陈小明", "王小明", True),  # another family name, the same given name
        ("陈小明", "王小红", False),
        ("陈明", "王明", False),  # one character says too little beside another family name
        ("陈小明", "小明 陈", True),  # the family name last
        ("陈小明", "小红 陈", False),
        ("山田太郎", "山田花子", False),  # a family name not known to be of two: one of three
        ("欧阳锋", "司马懿", False),
        ("欧阳锋", "欧阳克", False),  # a family name of two characters
        ("欧阳锋", "欧 阳锋", True),
        ("欧阳小明", "欧阳晓明", True),
        ("歐陽鋒", "歐陽克", False),
        ("欧阳锋", "欧阳", True),  # the given name is not held
        ("陈", "陈小明", True),
        ("陈", "王小明", False),
        ("陈**", "陈小明", True),
        ("陈*明", "陈小明", True),
        ("陈*红", "陈小明", False),
        ("陈䶮", "陈 䶮", True),  # rare characters, and what stands for one that was not written
        ("陈䶮", "陈\ue863", True),
        ("陈䶮", "陈YAN", True),
        ("陈YAN", "陈XIAOMING", False),
        ("陈䶮", "陈犇", False),
        ("𬀩小明", "𬀩大红", False),
        ("李\ufa0e明", "李\ufa0e红", True),
        (
            "Tony Chan 陈小明",
            "Mary Chan 陈大红",
            False,
        ),  # Han characters decide where both have them
        ("Tony Chan 陈小明", "Tony Chan", True),
        ("Tony Chan 陈小明", "Mary Roe", False),
        ("〇", "陈", False),
    ],
)
def test_han_names_are_alike_when_more_than_the_family_name_is(left, right, are_alike):
    assert names_alike(left, right) is are_alike
    assert names_alike(right, left) is are_alike


@pytest.mark.parametrize("family", ["陈", "𬀩", "欧阳", "諸葛"])
def test_people_of_one_family_name_clash_under_one_number(family):
    assert clashes(f"{family}小明", None, f"{family}大红", None) is True
    assert clashes(f"{family}明", None, f"{family}红", None) is True
    assert clashes(f"{family}小明", "1990-03-07", f"{family}小明", "1990-03-07") is False


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
