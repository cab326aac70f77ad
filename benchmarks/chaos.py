"""Kills processes and servers at random while callers work, and lets a foreign consumer judge every message.

    python -m benchmarks.chaos --minutes 5

Exit code 0: nothing was wrong. It needs Java, and fetches Apache Kafka's jars once.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests.chaos.run import ChaosReport, ChaosRun

FAULTS = {
    "publisher": 5,
    "standby publisher": 2,
    "commands": 3,
    "API": 2,
    "projector": 2,
    "catalogue": 1,
    "Kafka": 2,
    "Kafka restart": 1,
    "PostgreSQL": 2,
    "PostgreSQL restart": 1,
}
"""What is killed or restarted, and how often compared with the others."""

BETWEEN_SECONDS = 3.0
FAULT_SECONDS = 1.5
"""A fault takes about so long itself."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--callers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    count = round(given.minutes * 60 / (BETWEEN_SECONDS + FAULT_SECONDS))
    faults = dice.choices([*FAULTS], [*FAULTS.values()], k=count)
    with tempfile.TemporaryDirectory(prefix="checkout-chaos-") as folder:
        run = ChaosRun(Path(folder), callers=given.callers, seed=given.seed, all_retired=True)
        report = asyncio.run(run.run(faults, BETWEEN_SECONDS))
    _print(report)
    return 1 if report.wrong else 0


def _print(report: ChaosReport) -> None:
    for field in fields(report):
        value = getattr(report, field.name)
        if field.name == "wrong":
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {count:,}" for name, count in sorted(value.items())) or "none"
        elif isinstance(value, float):
            value = f"{value:.1f}"
        else:
            value = f"{value:,}"
        sys.stdout.write(f"{field.name.replace('_', ' '):16} {value}\n")
    sys.stdout.write(f"{'wrong':16} {len(report.wrong)}\n")
    sys.stdout.writelines(f"  {each}\n" for each in report.wrong)


if __name__ == "__main__":
    sys.exit(main())
