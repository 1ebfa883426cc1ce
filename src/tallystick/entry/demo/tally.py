"""What a check found: each expectation with the number wanted and the number seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One expectation."""

    step: str
    what: str
    wanted: Any
    found: Any

    @property
    def is_fine(self) -> bool:
        """Whether what was found is what was wanted."""
        return bool(self.wanted == self.found)


@dataclass(slots=True)
class Tally:
    """Collects expectations; a wrong one does not stop the walk."""

    checked: list[Checked] = field(default_factory=list)

    def expect(self, step: str, what: str, *, wanted: Any, found: Any) -> None:
        """Note one expectation."""
        self.checked.append(Checked(step=step, what=what, wanted=wanted, found=found))

    @property
    def is_fine(self) -> bool:
        """Whether everything was as it should be (and anything was looked at)."""
        return bool(self.checked) and all(one.is_fine for one in self.checked)

    def as_json(self) -> list[dict[str, Any]]:
        """The expectations as `demo --check --json` gives them."""
        return [
            {
                "step": one.step,
                "what": one.what,
                "wanted": one.wanted,
                "found": one.found,
                "ok": one.is_fine,
            }
            for one in self.checked
        ]
