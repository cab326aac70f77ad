"""What a check is, and how it words its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from domain.validation.findings import Finding, Resolution, Severity
from domain.validation.sight import Line, Sight, Stock

Find = Callable[["Check", Sight], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: the code of its findings, how grave they are, what the caller can do about them,
    and whether they are about products (`blockedProducts`) or not (`validationErrors`)."""

    code: str
    severity: Severity
    resolution: Resolution
    about_products: bool
    looks_at: str
    function: Find

    def find(self, sight: Sight) -> Iterator[Finding]:
        return self.function(self, sight)

    def about_basket(self, message: str, path: str = "$", **data: JsonValue) -> Finding:
        return self._finding(message=message, path=path, data=data)

    def about_line(self, line: Line, message: str, field: str, **data: JsonValue) -> Finding:
        return self._finding(
            message=message,
            path=f"{line.path}{field}",
            order_item_id=line.item.id,
            offer_id=line.item.offer.id,
            data=data,
        )

    def about_stock(self, stock: Stock, message: str, **data: JsonValue) -> Finding:
        ids: list[JsonValue] = [line.item.id for line in stock.lines]
        return self._finding(
            message=message,
            path=stock.path,
            order_item_id=stock.lines[0].item.id,
            offer_id=stock.lines[0].item.offer.id,
            product_code=stock.code,
            data={**data, "requested": stock.requested, "orderItemIds": ids},
        )

    def failed(self, error: Exception) -> Finding:
        """The finding in place of a crashed check's own. It blocks: what was not checked is not right."""
        return Finding(
            code="check_failed",
            severity="error",
            resolution="retry",
            message=f"the check {self.code} could not be made",
            path="$",
            data={"check": self.code, "error": type(error).__name__},
        )

    def _finding(self, **values: object) -> Finding:
        return Finding.model_validate(
            {"code": self.code, "severity": self.severity, "resolution": self.resolution, **values}
        )
