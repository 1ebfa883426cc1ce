"""placeholder"""
from __future__ import annotations
from typing import Any
def check(*a: Any, **k: Any) -> int:
    return 0
