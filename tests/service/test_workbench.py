"""What DuckDB plans for a job: a code list is no join where the job's tables stay in memory."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tallystick.service.workbench import PLAIN_PLAN_BYTES, Workbench

_IN_A_LONG_LIST = (
    f"select code in ({', '.join(repr(f'C{number}') for number in range(180))})"
    " from (select unnest(['C0', 'C179', 'C180', null]) as code)"
)


@pytest.mark.parametrize("size", [PLAIN_PLAN_BYTES, PLAIN_PLAN_BYTES + 1])
def test_a_long_code_list_is_no_join_and_finds_the_same(size: int, tmp_path: Path) -> None:
    with closing(Workbench()) as workbench, workbench.borrowed(size, tmp_path / "job") as con:
        found = con.execute(_IN_A_LONG_LIST).fetchall()
        plan = con.execute(f"explain {_IN_A_LONG_LIST}").fetchall()[0][1]
    assert found == [(True,), (True,), (False,), (None,)]
    assert "MARK" not in plan  # a join that marks the rows found
