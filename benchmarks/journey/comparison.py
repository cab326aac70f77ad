"""Compares the findings of the service with what pandas computes from the data itself, not from the facts made of it:
so neither way can hide the other's errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from rich.table import Table

from benchmarks.journey import dataset
from benchmarks.journey.catalogue import IN_STOCK
from benchmarks.journey.json_lines import JsonLine
from benchmarks.journey.planted_faults import AvailabilityChange, PlantedFaults
from benchmarks.journey.progress_bars import CONSOLE
from benchmarks.journey.rate_comparison import expected_sums, price_text, with_rates
from benchmarks.journey.records import LAST_WEEK, MAX_QUANTITY

EXAMPLES = 10
FINDING = ["basket", "code", "product", "detail"]
CODES = (
    "price_changed",
    "price_missing",
    "offer_unknown",
    "product_blocked",
    "product_out_of_stock",
    "product_insufficient_stock",
    "price_not_payable",
    "sum",
)
"""The compared codes; other findings are only listed. `sum` stands for each of the basket's totals, its total and what
is payable."""

NO_ERRORS = ("price_not_payable", "sum")


def expected_findings(
    transactions: pd.DataFrame,
    known: Collection[int],
    planted: PlantedFaults,
    baskets: Collection[int],
    week: int,
) -> pd.DataFrame:
    """One row a finding, columns FINDING, for baskets that were initiated in `week` and validated in the week after.
    `known` are the products of the catalogue."""
    lines = _lines(transactions[transactions.basket_id.isin(baskets)])
    prices = _prices(transactions[transactions.product_id.isin(known)])
    held = prices.ffill(axis=1)
    lines["before"] = lines["product"].map(held[week]).where(lines["product"].isin(known))
    lines["after"] = lines["product"].map(held[week + 1]).where(lines["product"].isin(known))
    lines["begins"] = lines["product"].map(prices[week + 1]).notna()
    lines = with_rates(_with_stock(lines, planted.changes), planted.rates)
    offered = lines["product"].isin(known)
    priced = lines.after.notna()
    had = (lines.status == "available") & (lines.available > 0)
    too_few = had & (lines.available < lines.quantity)
    gone = (lines.status == "out_of_stock") | ((lines.status == "available") & (lines.available == 0))
    before = price_text(lines.price_before, lines.interval_before)
    after = price_text(lines.price_after, lines.interval_after)
    left = lines.available.astype("Int64").astype(str) + "/" + lines.quantity.astype(str)
    nothing = pd.Series("", index=lines.index)
    found = {
        "price_changed": (offered & priced & (before != after), before + ">" + after),
        "price_missing": (offered & ~priced, nothing),
        "offer_unknown": (~offered, nothing),
        "product_blocked": (offered & (lines.status == "blocked"), nothing),
        "product_out_of_stock": (offered & gone, nothing),
        "product_insufficient_stock": (offered & too_few, left),
    }
    parts = [lines[where].assign(code=code, detail=detail[where])[FINDING] for code, (where, detail) in found.items()]
    return pd.concat([*parts, expected_sums(lines)], ignore_index=True)[FINDING]


def _lines(transactions: pd.DataFrame) -> pd.DataFrame:
    rows = transactions.rename(columns={"basket_id": "basket", "store_id": "store", "product_id": "product"})
    lines = rows.groupby(["basket", "store", "product"], as_index=False).quantity.sum()
    return lines[lines.quantity.between(1, MAX_QUANTITY)]


def _prices(transactions: pd.DataFrame) -> pd.DataFrame:
    """Cents by product and week; NaN in weeks without a sale."""
    sold = transactions[(transactions.quantity > 0) & (transactions.sales_value > 0)]
    unit = (sold.sales_value * 100).round() / sold.quantity
    cents = np.floor(unit.groupby([sold.product_id, sold.week]).median() + 0.5).clip(lower=1)
    return cents.unstack().reindex(columns=range(1, LAST_WEEK + 1))


def _with_stock(lines: pd.DataFrame, changes: Collection[AvailabilityChange]) -> pd.DataFrame:
    columns = ["product", "store", "status", "available"]
    rows = [(change.product, change.store, change.status, change.quantity) for change in changes if change.holds]
    table = pd.DataFrame(rows, columns=columns).astype({"store": "Int64", "available": "Float64"})
    everywhere = table[table.store.isna()].drop(columns="store")
    of_store = table[table.store.notna()].astype({"store": "int64"})
    merged = lines.merge(everywhere, on="product", how="left")
    merged = merged.merge(of_store, on=["product", "store"], how="left", suffixes=("", "_here"))
    here = merged.status_here.notna()
    merged["available"] = merged.available.where(merged.status.notna(), IN_STOCK)
    merged["available"] = merged.available_here.where(here, merged.available).fillna(-1).astype(float)
    merged["status"] = merged.status_here.where(here, merged.status.fillna("available"))
    return merged


def compare(verdicts: Sequence[JsonLine], known: Collection[int], planted: PlantedFaults, week: int) -> int:
    """Prints the expected and the found findings, and returns how many findings, sums and verdicts differ."""
    expected = expected_findings(
        dataset.frames()["transactions"],
        known,
        planted,
        [verdict["basket"] for verdict in verdicts],
        week,
    )
    rows = [(verdict["basket"], *finding) for verdict in verdicts for finding in verdict["findings"]]
    rows += [(verdict["basket"], "sum", "", 0, text) for verdict in verdicts for text in verdict["sums"]]
    all_found = pd.DataFrame(rows, columns=["basket", "code", "severity", "product", "detail"])
    compared = all_found.code.isin(CODES)
    found, others = all_found[compared], all_found[~compared]
    both = expected.merge(found[FINDING], how="outer", on=FINDING, indicator="where")
    differing = both[both["where"] != "both"]
    differing = pd.concat([differing, found[found.duplicated(FINDING)].assign(where="twice")])
    ready = sum(verdict["ready"] for verdict in verdicts)
    should_be_ready = len(verdicts) - expected[~expected.code.isin(NO_ERRORS)].basket.nunique()
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
        CONSOLE.print(f"  {where[row.where]}: basket {row.basket} {row.code} product {row.product} {row.detail}")
    return int(len(differing) + abs(ready - should_be_ready))


def _row(table: Table, what: str, expected: int, found: int) -> None:
    style = None if expected == found else "bold red"
    table.add_row(what, f"{expected:,}", f"{found:,}", f"{found - expected:+,}" if style else "0", style=style)
