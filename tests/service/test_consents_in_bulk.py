"""A file's consents are registered by sets, and each comes out as if it had come alone."""

from __future__ import annotations

import io
from typing import Any

import orjson
import psycopg
import pytest

import factory
from tallystick.service import register_rows
from tallystick.service.submit import process, receive

#: Of eight rows: the first stands already, the third is refused.
_COUNTED = (6, 1, 1, 0)


@pytest.mark.parametrize("killed_after", [0, 1, 2, 3])
def test_a_file_begun_again_counts_no_consent_twice(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    register, done = register_rows._register_part, []

    def dies(*given: Any) -> Any:
        if len(done) == killed_after:
            raise psycopg.OperationalError
        done.append(register(*given))
        return done[-1]

    records = [factory.consent_record(deps, bank, person) for person in range(1, 9)]
    records[2] = factory.consent_record(deps, bank, 3, purpose="nope")
    factory.send(deps, bank, "consent", records[0])
    lines = io.BytesIO(b"".join(orjson.dumps(one) + b"\n" for one in records))
    taken = receive(deps, bank, "consent", lines)
    monkeypatch.setattr(register_rows, "_CHUNK", 2)
    monkeypatch.setattr(register_rows, "_register_part", dies)
    with pytest.raises(psycopg.OperationalError):
        process(deps, taken.submission_id)
    monkeypatch.setattr(register_rows, "_register_part", register)
    ended = process(deps, taken.submission_id)
    assert factory.told(ended) == (_COUNTED, {"CNS-WORD-001"})
