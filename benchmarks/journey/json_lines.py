"""Files of JSON lines, written completely or not at all, and journals from which an interrupted run continues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.journey.records import GroceryBasket, GroceryLine

JsonLine = dict[str, Any]


def write_lines(path: Path, rows: Iterable[JsonLine]) -> int:
    """Writes the rows and returns their number. An interrupted run leaves no partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    count = 0
    try:
        with draft.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                count += 1
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def read_lines(path: Path) -> Iterator[JsonLine]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def basket_row(basket: GroceryBasket) -> JsonLine:
    return {
        "basket_id": basket.id,
        "store": basket.store,
        "week": basket.week,
        "lines": [{"product": line.product, "quantity": line.quantity} for line in basket.lines],
    }


def basket_of(row: JsonLine) -> GroceryBasket:
    lines = tuple(GroceryLine(line["product"], line["quantity"]) for line in row["lines"])
    return GroceryBasket(row["basket_id"], row["store"], row["week"], lines)


def verdict_row(basket: int, verdict: JsonLine) -> JsonLine:
    """The compared part of a verdict: whether it is ready, code, severity, product and detail of each finding, and the
    sums of the basket as text."""
    found, order = [*verdict["blockedProducts"], *verdict["validationErrors"]], verdict["checkout"]
    sums = [("totals", total) for total in order["totals"]]
    sums += [(name, order[name]) for name in ("total", "payable") if order[name] is not None]
    return {
        "basket": basket,
        "ready": verdict["ready"],
        "findings": [[f["code"], f["severity"], _product(f), _detail(f)] for f in found],
        "sums": [f"{name} {_price(money)} {money['currency']}" for name, money in sums],
    }


def _product(finding: JsonLine) -> int:
    return int(finding["offerId"].removeprefix("o-")) if finding["offerId"] else 0


def _detail(finding: JsonLine) -> str:
    data = finding["data"]
    match finding["code"]:
        case "price_changed":
            return f"{_price(data['expectedPrice'])}>{_price(data['currentPrice'])}"
        case "price_not_payable":
            return _price(data["amount"])
        case "product_insufficient_stock":
            return f"{data['available']}/{data['requested']}"
        case _:
            return ""


def _price(price: JsonLine | None) -> str:
    """The amount to the fourth decimal, with the interval of a recurring price."""
    if price is None:
        return "none"
    amount = f"{Decimal(price['amount']):.4f}"
    return f"{amount}/{price['interval']}" if price.get("interval") else amount


class ResumableJournal:
    """Finished work, one line each, by key. A line that a kill cut short is repeated."""

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self.done: dict[Any, JsonLine] = {}

    def __enter__(self) -> Self:
        whole = b""
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            row = json.loads(line)
            self.done[row[self._key]] = row
        self._file = self._path.open("wb")
        self._file.write(whole)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._file.close()

    def record(self, row: JsonLine) -> None:
        self.done[row[self._key]] = row
        self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
