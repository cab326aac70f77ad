"""Compares what the service found with what pandas expects, finding by finding."""

from __future__ import annotations

import pandas as pd
from rich.table import Table

from benchmarks.journey import dataset
from benchmarks.journey.expected_findings import CODES, FINDING, expected_findings
from benchmarks.journey.playthrough import Playthrough
from benchmarks.journey.progress_bars import CONSOLE

EXAMPLES = 10


def compare(run: Playthrough) -> int:
    """Prints expected and found, and returns how many findings and verdicts differ."""
    verdicts = [*run.verdicts()]
    expected = expected_findings(
        dataset.frames()["transactions"],
        run.known_products(),
        run.planted().changes,
        [verdict["basket"] for verdict in verdicts],
        run.asked.week,
    )
    rows = [(verdict["basket"], *finding) for verdict in verdicts for finding in verdict["findings"]]
    said = pd.DataFrame(rows, columns=["basket", "code", "severity", "product", "detail"])
    found, others = said[said.code.isin(CODES)], said[~said.code.isin(CODES)]
    both = expected.merge(found[FINDING], how="outer", on=FINDING, indicator="where")
    differing = both[both["where"] != "both"]
    differing = pd.concat([differing, found[found.duplicated(FINDING)].assign(where="twice")])
    ready = sum(verdict["ready"] for verdict in verdicts)
    should_be_ready = len(verdicts) - expected.basket.nunique()
    table = Table("finding", "expected", "found", "difference", box=None)
    for code in CODES:
        _row(table, code, int((expected.code == code).sum()), int((found.code == code).sum()))
    _row(table, "baskets that are ready", should_be_ready, ready)
    for (code, severity), group in others.groupby(["code", "severity"]):
        table.add_row(f"{code} ({severity})", "not compared", f"{len(group):,}", "")
    CONSOLE.print(f"{len(verdicts):,} baskets, expected by pandas and found by the service:")
    CONSOLE.print(table)
    for row in differing.head(EXAMPLES).itertuples():
        where = {"left_only": "expected only", "right_only": "found only", "twice": "found twice"}
        CONSOLE.print(
            f"  {where[row.where]}: basket {row.basket} {row.code} product {row.product} {row.detail}"
        )
    return int(len(differing) + abs(ready - should_be_ready))


def _row(table: Table, what: str, expected: int, found: int) -> None:
    style = None if expected == found else "bold red"
    table.add_row(
        what, f"{expected:,}", f"{found:,}", f"{found - expected:+,}" if style else "0", style=style
    )
