"""Read who a command is about: from a JSON file or standard input, never from arguments."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

import typer

from tallystick.model.instant import read_day
from tallystick.model.json_keys import DoubledKey, each_once

DOUBLED: Final = "an object holds a key twice: send each key once"
#: A person's file is small; anything larger is the wrong file.
_MOST_BYTES: Final = 64 * 1024


def read_object(source: str) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`.

    Raises: typer.BadParameter; its message quotes nothing of the content
    """
    try:
        if source == "-":
            text = sys.stdin.read(_MOST_BYTES + 1)
        else:
            with Path(source).open(encoding="utf-8") as file:
                text = file.read(_MOST_BYTES + 1)
        found = None
        if len(text) <= _MOST_BYTES:
            found = json.loads(text, object_pairs_hook=each_once)
    except OSError as error:
        raise typer.BadParameter("the file cannot be read") from error
    except DoubledKey:
        raise typer.BadParameter(DOUBLED) from None
    except ValueError:
        raise typer.BadParameter("not JSON") from None  # its message could quote the content
    if not isinstance(found, dict):
        raise typer.BadParameter("wants one JSON object")
    return found


def taken(content: dict[str, Any], *names: str) -> list[str]:
    """The texts of exactly these names.

    Raises: typer.BadParameter when one is missing or is no text, or another is there
    """
    if set(content) != set(names) or not all(isinstance(content[name], str) for name in names):
        raise typer.BadParameter(f"wants exactly the texts {', '.join(names)}")
    return [content[name] for name in names]


def identified(content: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], str, date]:
    """Identity numbers, name and birth date of a person to ask about.

    Takes:  the `subject` of an inquiry by API: {"identifiers": [{"scheme": …, "value": …}],
            "name": …, "birth_date": "YYYY-MM-DD"}
    Raises: typer.BadParameter; its message quotes nothing of the content
    """
    if set(content) != {"identifiers", "name", "birth_date"}:
        raise typer.BadParameter("wants exactly identifiers, name and birth_date")
    name, birth_date = content["name"], content["birth_date"]
    identifiers = content["identifiers"]
    if not isinstance(name, str) or not isinstance(identifiers, list) or not identifiers:
        raise typer.BadParameter("wants a name and at least one identifier")
    if not all(isinstance(one, dict) for one in identifiers):
        raise typer.BadParameter("each identifier is an object with scheme and value")
    pairs = tuple((scheme, number) for scheme, number in (_pair(one) for one in identifiers))
    day = read_day(birth_date) if isinstance(birth_date, str) else None
    if day is None:
        raise typer.BadParameter("birth_date is a day as YYYY-MM-DD")
    return pairs, name, day


def _pair(one: dict[str, Any]) -> tuple[str, str]:
    scheme, number = taken(one, "scheme", "value")
    return scheme, number
