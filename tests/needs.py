"""What a test needs that not every machine has: without it the test skips, in CI it fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(what: str, remedy: str) -> NoReturn:
    """End the test: skipped with a message, or failed where CI=true, which has it all."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; {remedy}")
    pytest.skip(f"{what}; {remedy}")
