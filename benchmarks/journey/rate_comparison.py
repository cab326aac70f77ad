"""What pandas expects of prices and sums, in whole ten-thousandths of a currency and without the service's code."""

from __future__ import annotations

import pandas as pd

from benchmarks.journey.planted_rates import PlantedRates

CENT = {"USD": 100, "JPY": 5000, "KWD": 10}
"""What a cent of the data is worth."""
MINOR_UNIT = {"USD": 100, "JPY": 10_000, "KWD": 10}
ONCE = ""


def with_rates(lines: pd.DataFrame, rates: PlantedRates) -> pd.DataFrame:
    """Adds columns: currency, the minor unit, and the prices of one with their intervals. `before` and `after` are the
    cents, `begins` whether a price begins in the next week."""
    rated = lines.assign(currency=(lines.store % 10).map({3: "JPY", 7: "KWD"}).fillna("USD"))
    rated["minor"] = rated.currency.map(MINOR_UNIT)
    cent, kind = rated.currency.map(CENT), rated["product"].map(rates.kinds)
    half = (cent // 2).where(kind == 11, 0)
    always = kind.map({8: "P1M", 10: "P1Y"}).fillna(ONCE)
    rated["price_before"] = (rated.before * cent + half).round().astype("Int64")
    rated["price_after"] = (rated.after * cent + half).round().astype("Int64")
    rated["interval_before"] = always
    rated["interval_after"] = always.mask((kind == 9) & rated.begins, "P1M")
    return rated


def price_text(prices: pd.Series, intervals: pd.Series) -> pd.Series:
    """As `verdict_row` writes prices."""
    pairs = zip(prices, intervals, strict=True)
    texts = ["none" if pd.isna(price) else _text(price, interval) for price, interval in pairs]
    return pd.Series(texts, index=prices.index, dtype=object)


def expected_sums(lines: pd.DataFrame) -> pd.DataFrame:
    """The sums of each basket, and its amounts that cannot be charged; columns basket, code, product and detail."""
    priced = lines[lines.price_before.notna()]
    amounts = priced.assign(amount=priced.price_before.astype("int64") * priced.quantity)
    by = ["basket", "interval_before", "currency", "minor"]
    totals = amounts.groupby(by, as_index=False).amount.sum()
    unpriced = lines[lines.price_before.isna()].basket
    only = totals[~totals.basket.isin(unpriced) & ~totals.basket.duplicated(keep=False)]
    payable = only.assign(amount=(2 * only.amount + only.minor) // (2 * only.minor) * only.minor)
    fine_lines = priced[priced.price_before.astype("int64") % priced.minor != 0]
    fine_totals = totals[totals.amount % totals.minor != 0]
    return pd.concat(
        [
            _sums("totals", totals, totals.interval_before),
            _sums("total", only, pd.Series(ONCE, index=only.index)),
            _sums("payable", payable, pd.Series(ONCE, index=payable.index)),
            _too_fine(fine_lines.assign(amount=fine_lines.price_before)),
            _too_fine(fine_totals.assign(product=0)),
        ],
        ignore_index=True,
    )


def _sums(name: str, rows: pd.DataFrame, intervals: pd.Series) -> pd.DataFrame:
    detail = name + " " + price_text(rows.amount, intervals) + " " + rows.currency
    return rows.assign(code="sum", product=0, detail=detail)[["basket", "code", "product", "detail"]]


def _too_fine(rows: pd.DataFrame) -> pd.DataFrame:
    detail = price_text(rows.amount, rows.interval_before)
    return rows.assign(code="price_not_payable", detail=detail)[["basket", "code", "product", "detail"]]


def _text(price: int, interval: str) -> str:
    amount = f"{price // 10_000}.{price % 10_000:04}"
    return f"{amount}/{interval}" if interval else amount
