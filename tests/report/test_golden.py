"""Whole bodies as files, and the published schema they fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from golden_cases import EARLIER, FOLDER, bodies, text
from jsonschema import Draft202012Validator

from tallystick.model.canonical import canonical
from tallystick.report import NEWEST, VERSIONS, Version, to_bytes
from tallystick.report.reference import reference_page, schema

BODIES = bodies()
SCHEMA = Draft202012Validator(schema())
#: A body of each earlier version that is kept: its file, the version it was made in.
KEPT = [(path, EARLIER[path.parent.name]) for path in sorted(FOLDER.glob("*/*.json"))]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "report.md"


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_what_it_was(golden: Callable[[Path, str], None], name: str) -> None:
    golden(FOLDER / f"{name}.json", text(BODIES[name]))


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BODIES)


@pytest.mark.parametrize(
    ("kept", "version"), KEPT, ids=[f"{kept.parent.name}-{kept.stem}" for kept, _ in KEPT]
)
def test_a_body_of_an_earlier_version_is_made_as_it_was(kept: Path, version: Version) -> None:
    made = bodies(version)[kept.stem]

    assert text(made) == kept.read_text("utf-8")
    assert list(Draft202012Validator(schema(version)).iter_errors(made)) == []
    assert next(error.path[0] for error in SCHEMA.iter_errors(made)) == "format"


def test_every_earlier_version_has_bodies_kept() -> None:
    assert {version.name for _, version in KEPT} == set(VERSIONS) - {NEWEST.name}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_fits_the_published_schema_and_is_canonical(name: str) -> None:
    data = to_bytes(BODIES[name])

    assert list(SCHEMA.iter_errors(json.loads(data))) == []
    assert data == canonical(BODIES[name])


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert {name: to_bytes(made) for name, made in bodies().items()} == {
        name: to_bytes(made) for name, made in BODIES.items()
    }


def objects(node: object) -> list[dict]:
    found = [node] if isinstance(node, dict) and "properties" in node else []
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return found + [item for child in inner for item in objects(child)]


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.schema)
def test_a_published_schema_names_its_version(version: Version) -> None:
    published, number = schema(version), version.name.partition("/")[2]
    assert version.schema == f"report-v{number}.schema.json"
    assert published["$id"] == f"urn:tallystick:report:{number}"
    assert published["title"] == f"Tallystick report, version {number}"


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.schema)
def test_a_published_schema_is_sound_and_closed(version: Version) -> None:
    published = schema(version)
    Draft202012Validator.check_schema(published)
    found = objects(published)

    assert published["properties"]["format"] == {"const": version.name}
    assert len(found) > 20
    assert all(node["additionalProperties"] is False for node in found)
    assert all(set(node["required"]) <= set(node["properties"]) for node in found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("header", "position"), 7),
        (("header", "audience"), "operator"),
        (("accounts", 0, "grid", 0, "balance"), 1),
        (("accounts", 0, "grid", 0, "bucket"), "late"),
        (("accounts", 0, "terms", "principal"), "1,000.00"),
        (("accounts", 0, "surprise"), "x"),
    ],
)
def test_a_body_with_a_fault_does_not_fit(path: tuple[str | int, ...], value: object) -> None:
    broken = json.loads(to_bytes(BODIES["zz_everything_lender"]))
    node = broken
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value

    assert len(list(SCHEMA.iter_errors(broken))) == 1


def test_the_reference_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text("utf-8") == reference_page()
