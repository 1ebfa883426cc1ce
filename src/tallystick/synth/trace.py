"""What the second half of a run must still know of a person: who she is, where she has accounts."""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.synth.people import Person


@dataclass(slots=True)
class Trace:
    """`lenders`: (member, first month on file, last open month); `funders` the same for banks that
    fund one of her platform loans. `worst` is the worst number of missed payments class (0, 1, 2);
    `payments` counts months of rent and telecom on file.
    """

    person: Person
    on_file_from: int = 999
    lenders: list[tuple[str, int, int]] = field(default_factory=list)
    funders: list[tuple[str, int, int]] = field(default_factory=list)
    worst: int = 0
    payments: int = 0
    looks: int = 0
    lookers: list[str] = field(default_factory=list)

    def seen_from(self, month: int) -> None:
        """Something about her is furnished for `month`."""
        self.on_file_from = min(self.on_file_from, month)
