"""One bureau for all examples of a property: each example takes persons of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


@pytest.fixture
def small() -> Callable[[int], Any]:
    """Settings of a property on the real database: so many examples, the same in every run."""

    def made(examples: int) -> Any:
        return settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )

    return made
