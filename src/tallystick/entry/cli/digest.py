"""`tallystick digest`: what a correction names the record by that it replaces, with no bureau."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tallystick.entry.cli import output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.machine import reading


def digest(
    file: Annotated[
        Path,
        typer.Argument(
            help="Records as they were sent: CSV or NDJSON, plain or gzip.",
            exists=True,
            dir_okay=False,
        ),
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="Which records the file holds.")],
    profile: Annotated[str, typer.Option("--profile", help="Jurisdiction profile.")] = "zz",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Compute each record's digest, for `replaces_digest` of a correction; needs no bureau."""
    with reading(file):
        found = [{"line": line, "digest": one} for line, one in digests(file, dataset, profile)]
    if as_json:
        output.as_json(found)
    else:
        output.table(("line", "digest"), ((one["line"], one["digest"]) for one in found))
    left = sum(one["digest"] is None for one in found)
    if left or not found:
        output.say(f"{left} of {len(found)} records cannot be read and have no digest")
        output.next_step(f"tallystick validate {file} --dataset {dataset}")
        raise typer.Exit(Exit.FOUND)


def digests(path: Path, dataset: str, profile_id: str) -> Iterator[tuple[int, str | None]]:
    """(line, digest) of each record of a file; the digest is None where a cell cannot be read.

    Raises: BadRequest for an unknown dataset; ProfileError for an unknown profile
    """
    from datetime import UTC, datetime

    import duckdb

    from tallystick.errors import BadRequest
    from tallystick.formats import full_form, load, record_digest
    from tallystick.furnish.stage import stage_file
    from tallystick.ledger.tables import DATASETS
    from tallystick.profile import Profile
    from tallystick.service import domains

    if dataset not in DATASETS:
        raise BadRequest("unknown_dataset", f"a correction replaces one of: {', '.join(DATASETS)}")
    at = Profile.load(profile_id).at(datetime.now(UTC))
    definition = load()[dataset]
    with duckdb.connect() as con:
        stage_file(con, path, definition, domains.of(at))
        bad = "select line_no from fault where severity = 'reject' and line_no is not null"
        cursor = con.execute(
            f'select line_no in ({bad}) as is_bad, * from "row" union all by name'
            f" select true as is_bad, line_no from ({bad}) where line_no not in"
            ' (select line_no from "row") order by line_no'
        )
        names = [column[0] for column in cursor.description or ()]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            made = None if row["is_bad"] else record_digest(dataset, full_form(definition, row))
            yield row["line_no"], made
