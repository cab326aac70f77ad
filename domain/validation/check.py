"""What a check is, and how it words its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from domain.validation.data import Datum
from domain.validation.findings import Finding, Resolution, Severity
from domain.validation.sight import Line, Sight, Stock

Find = Callable[["Check", Sight], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: the code of its findings, how grave they are, what the caller can do about them,
    whether they are about products (errors about products are `blockedProducts`, all else is
    `validationErrors`), and what their `data` holds."""

    code: str
    """One of `CheckCode`; a test may bring a check of its own."""
    severity: Severity
    resolution: Resolution
    about_products: bool
    looks_at: str
    function: Find
    data: tuple[Datum, ...] = ()

    @property
    def meaning(self) -> str:
        """What the check is for, in one sentence or two."""
        return " ".join((self.function.__doc__ or "").split())

    def data_schema(self) -> dict[str, Any]:
        """The shape of `data`, as JSON Schema."""
        return {
            "type": "object",
            "properties": {datum.name: datum.schema() for datum in self.data},
            "required": [datum.name for datum in self.data],
            "additionalProperties": False,
        }

    def at(self, severity: Severity) -> Check:
        """The check with findings of another severity, as a policy wants."""
        return self if severity == self.severity else replace(self, severity=severity)

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

    def about_lines(self, lines: Sequence[Line], message: str, field: str, **data: JsonValue) -> Finding:
        """About all of these lines; it points at the first."""
        return self.about_line(lines[0], message, field, **data, orderItemIds=_ids(lines))

    def about_stock(self, stock: Stock, message: str, **data: JsonValue) -> Finding:
        return self._finding(
            message=message,
            path=stock.path,
            order_item_id=stock.lines[0].item.id,
            offer_id=stock.lines[0].item.offer.id,
            product_code=stock.code,
            data={**data, "requested": stock.requested, "orderItemIds": _ids(stock.lines)},
        )

    def failed(self, error: Exception, *, blocks: bool) -> Finding:
        """The finding in place of a crashed check's own."""
        return Finding(
            code="check_failed",
            severity="error" if blocks else "warning",
            resolution="retry",
            message=f"the check {self.code} could not be made",
            path="$",
            data={"check": self.code, "error": type(error).__name__},
        )

    def _finding(self, **values: object) -> Finding:
        return Finding.model_validate(
            {"code": self.code, "severity": self.severity, "resolution": self.resolution, **values}
        )


def check(
    *,
    looks_at: str,
    data: Sequence[Datum] = (),
    resolution: Resolution = "change_basket",
    severity: Severity = "error",
    about_products: bool = False,
) -> Callable[[Find], Check]:
    """Makes a check of a function; its code is the function's name, its meaning the docstring."""

    def make(function: Find) -> Check:
        return Check(function.__name__, severity, resolution, about_products, looks_at, function, tuple(data))

    return make


def _ids(lines: Sequence[Line]) -> list[JsonValue]:
    return [line.item.id for line in lines]
