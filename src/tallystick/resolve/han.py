"""Comparing names in Han characters: the family name alone tells a household, not a person.

Such a name is written family name first and mostly without blanks; where one stands says little
(some systems put it after the first character whatever the name is), so blanks are left out.
Characters are compared as they are: neither homophones nor older forms are folded into one.
"""

from __future__ import annotations

import re
from collections import Counter

#: Every block of ideographs; what compatibility forms fold to is in it, private use is not.
_HAN = re.compile(r"[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_PAIRS = (
    "欧阳歐陽司马司馬上官诸葛諸葛东方東方皇甫尉迟尉遲公孙公孫慕容令狐夏侯司徒司空长孙長孫宇文轩辕軒轅端木"
    "独孤獨孤南宫南宮西门西門东郭東郭百里呼延闻人聞人钟离鍾離申屠太史赫连赫連澹台澹臺濮阳濮陽淳于单于單于"
    "仲孙仲孫鲜于鮮于闾丘閭丘拓跋万俟公羊公冶完颜完顏纳兰納蘭耶律"
)
#: Family names of two characters; every other one is taken to have a single one.
_OF_TWO = frozenset(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))


def han_part(name: str) -> str:
    """The Han characters of a name in their order; empty where it has none.

    Missing: a placeholder for a character that a system could not write (a star, a box, a number
             of the private use area) is not there
    """
    return "".join(_HAN.findall(name))


def other_parts(name: str) -> frozenset[str]:
    """The tokens of a name in other letters, blanks between them; all of it if it has no Han."""
    if not _HAN.search(name):
        return frozenset(name.split())
    left = (
        "".join(mark for mark in part if mark.isalpha()) for part in _HAN.sub(" ", name).split()
    )
    return frozenset(part for part in left if part)


def han_alike(left: str, right: str) -> bool | None:
    """Whether two Han names may be one person's; both in Han characters alone.

    Gives:   alike are the same characters in any order; the same family name with given names that
             share half of the shorter one (one character may be mistyped); another family name
             with the same given name of two characters or more. The family name alone is not
    Missing: None where the family names are one and a given name is not held: that tells nothing
    """
    if len(left) > 1 and sorted(left) == sorted(right):
        return True
    family, given = _split(left)
    other_family, other_given = _split(right)
    if family != other_family:
        return len(given) > 1 and given == other_given
    if not given or not other_given:
        return None
    shared = (Counter(given) & Counter(other_given)).total()
    return 2 * shared >= min(len(given), len(other_given))


def _split(name: str) -> tuple[str, str]:
    """Family name and given name; the latter may be empty."""
    size = 2 if name[:2] in _OF_TWO else 1
    return name[:size], name[size:]
