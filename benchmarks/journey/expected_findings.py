"""What pandas says that the service must find: reckoned from the data itself, not from the facts that are made
of it, so that both ways can be wrong only each for itself."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from benchmarks.journey.catalogue import IN_STOCK
from benchmarks.journey.planted_faults import AvailabilityChange
from benchmarks.journey.records import LAST_WEEK, MOST_OF_A_LINE

FINDING = ["basket", "code", "product", "detail"]
CODES = (
    "price_changed",
    "price_missing",
    "offer_unknown",
    "product_blocked",
    "product_out_of_stock",
    "product_insufficient_stock",
)
"""What is compared; everything else that is found is shown beside it."""


def expected_findings(
    transactions: pd.DataFrame,
    known: Collection[int],
    changes: Collection[AvailabilityChange],
    baskets: Collection[int],
    week: int,
) -> pd.DataFrame:
    """One row a finding, columns FINDING, for baskets that were filled in `week` and judged in the week after.
    `known`: the products that the catalogue has."""
    lines = _lines(transactions[transactions.basket_id.isin(baskets)])
    prices = _prices(transactions[transactions.product_id.isin(known)])
    lines["before"] = lines["product"].map(prices[week]).where(lines["product"].isin(known))
    lines["after"] = lines["product"].map(prices[week + 1]).where(lines["product"].isin(known))
    lines = _with_stock(lines, changes)
    offered = lines["product"].isin(known)
    priced = lines.after.notna()
    had = (lines.status == "available") & (lines.available > 0)
    too_few = had & (lines.available < lines.quantity)
    gone = (lines.status == "out_of_stock") | ((lines.status == "available") & (lines.available == 0))
    price = _decimal(lines.before) + ">" + _decimal(lines.after)
    left = lines.available.astype("Int64").astype(str) + "/" + lines.quantity.astype(str)
    nothing = pd.Series("", index=lines.index)
    found = {
        "price_changed": (offered & priced & (lines.before != lines.after), price),
        "price_missing": (offered & ~priced, nothing),
        "offer_unknown": (~offered, nothing),
        "product_blocked": (offered & (lines.status == "blocked"), nothing),
        "product_out_of_stock": (offered & gone, nothing),
        "product_insufficient_stock": (offered & too_few, left),
    }
    parts = [
        lines[where].assign(code=code, detail=detail[where])[FINDING]
        for code, (where, detail) in found.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _lines(transactions: pd.DataFrame) -> pd.DataFrame:
    rows = transactions.rename(columns={"basket_id": "basket", "store_id": "store", "product_id": "product"})
    lines = rows.groupby(["basket", "store", "product"], as_index=False).quantity.sum()
    return lines[lines.quantity.between(1, MOST_OF_A_LINE)]


def _prices(transactions: pd.DataFrame) -> pd.DataFrame:
    """Cents by product and week; NaN before the first sale."""
    sold = transactions[(transactions.quantity > 0) & (transactions.sales_value > 0)]
    unit = (sold.sales_value * 100).round() / sold.quantity
    cents = np.floor(unit.groupby([sold.product_id, sold.week]).median() + 0.5).clip(lower=1)
    return cents.unstack().reindex(columns=range(1, LAST_WEEK + 1)).ffill(axis=1)


def _with_stock(lines: pd.DataFrame, changes: Collection[AvailabilityChange]) -> pd.DataFrame:
    columns = ["product", "store", "status", "available"]
    rows = [(change.product, change.store, change.status, change.quantity) for change in changes]
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


def _decimal(cents: pd.Series) -> pd.Series:
    return cents.map(lambda value: "none" if pd.isna(value) else f"{value / 100:.2f}")
