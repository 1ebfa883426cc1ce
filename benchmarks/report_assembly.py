"""CPU time to assemble and serialise one report: 3.7 accounts x 24 months, and 15 x 60.

The first case alternates files of 3 and 4 accounts (7 of 10 have 4), so that the mean is 3.7.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from datetime import date

from tallystick.model.file import AccountLine, Coordinates, SubjectFile
from tallystick.model.months import Month, pack, period_of
from tallystick.model.permit import Permit
from tallystick.profile import Profile
from tallystick.report import MemberView, assemble, to_bytes

TODAY = date(2026, 6, 15)
NEWEST = period_of(date(2026, 5, 31))
AT = Coordinates(as_of="2026-06-15T15:59:59.999999Z", position=7, log_size=42, head_version=3)
BANK = MemberView(code="B", name_en="Bank", name_zh="银行", member_class="commercial_bank")
PERMIT = Permit(
    kind="consent", subject_id="s", audience="lender", purpose="credit_application", member_id="m0"
)


def account(number: int, months: int) -> AccountLine:
    late = number % 4 == 0
    return AccountLine(
        account_id=f"account-{number}",
        party_id="party",
        furnisher_id=f"m{number % 5}",
        role="borrower",
        terms={
            "valid_from": "2021-01-10", "product": "instalment_loan", "currency": "CNY",
            "opened_on": "2021-01-10", "principal_minor": 1_200_000, "instalment_count": 60,
            "basis": "consent",
        },
        months=pack(
            Month(NEWEST - back, "1" if late and back % 11 == 3 else "0", 0, 90_000 + back, 5_000)
            for back in reversed(range(months))
        ),
        latest={
            "period_end": "2026-05-31", "bucket": "0", "days_past_due": 0, "currency": "CNY",
            "balance_minor": 90_000, "payment_due_minor": 5_000, "amount_paid_minor": 5_000,
            "amount_past_due_minor": 0, "status": "open",
        },
    )  # fmt: skip


def person(accounts: int, months: int) -> SubjectFile:
    lines = tuple(account(number, months) for number in range(accounts))
    return SubjectFile(subject_id="s", accounts=lines)


def measure(files: list[SubjectFile], rounds: int) -> tuple[float, float, float]:
    """CPU microseconds a report (assemble, serialise) and bytes: medians, averaged over files."""
    profile = Profile.load("zz").on(TODAY)
    assembled, serialised, sizes = [], [], []
    for file in files:
        assembling, serialising = [], []
        for _ in range(rounds):
            started = time.process_time_ns()
            body = assemble(
                PERMIT, file, looks=(), consents=(), profile=profile, coordinates=AT,
                member_view=lambda _: BANK, mask=lambda kind, identity: f"{kind}_{identity}",
            )  # fmt: skip
            between = time.process_time_ns()
            data = to_bytes(body)
            serialising.append(time.process_time_ns() - between)
            assembling.append(between - started)
        assembled.append(statistics.median(assembling) / 1e3)
        serialised.append(statistics.median(serialising) / 1e3)
        sizes.append(len(data))
    return statistics.mean(assembled), statistics.mean(serialised), statistics.mean(sizes)


def main() -> None:
    figures: dict[str, float] = {}
    cases = {
        "usual": ([person(4 if n < 7 else 3, 24) for n in range(10)], 500),
        "heavy": ([person(15, 60)], 500),
    }
    for name, (files, rounds) in cases.items():
        assembled, serialised, size = measure(files, rounds)
        total = assembled + serialised
        print(
            f"{name}: {assembled:.0f} us assemble + {serialised:.0f} us serialise"
            f" = {total:.0f} us, {size:.0f} bytes"
        )
        figures[f"{name}_cpu_us"] = round(total, 1)
        figures[f"{name}_bytes"] = size
    machine = f"{platform.machine()} {platform.python_implementation()} {platform.python_version()}"
    limits = {"usual_cpu_us": 150, "heavy_cpu_us": 1200}
    print(
        json.dumps(
            {"name": "report_assembly", "machine": machine, "figures": figures, "against": limits}
        )
    )


if __name__ == "__main__":
    main()
