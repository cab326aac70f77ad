"""What a check is, and how it words its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from domain.shared.findings import Finding, Resolution, Severity
from domain.validation.context import ValidationContext
from domain.validation.context_items import (
    BasketLine,
    EvidenceKind,
    ProductStock,
    Scope,
)
from domain.validation.finding_schema import DataField

CHECK_FAILED = "check_failed"
"""The code of the finding in place of a crashed check's own."""

CheckFunction = Callable[["Check", ValidationContext], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: the code of its findings, how grave they are, what the caller can do about them,
    whether they are about products (errors about products are `blockedProducts`, all else is
    `validationErrors`), what their `data` holds, and which facts it rests on."""

    code: str
    """One of `CheckCode`; a test may bring a check of its own."""
    severity: Severity
    resolution: Resolution
    about_products: bool
    looks_at: str
    function: CheckFunction
    data: tuple[DataField, ...] = ()
    rests_on: tuple[EvidenceKind, ...] = ()
    goes_through: Scope = "basket"
    """Where nothing of that part is in question, it has nothing to say."""
    policy: tuple[str, ...] = ()
    """The ids of the policies that it is made under: every finding rests on them."""

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

    def under(self, severity: Severity, policy: tuple[str, ...]) -> Check:
        """The check as policies want it."""
        if severity == self.severity and policy == self.policy:
            return self
        return replace(self, severity=severity, policy=policy)

    def find(self, sight: ValidationContext) -> Iterator[Finding]:
        return self.function(self, sight)

    def about_basket(self, message: str, path: str = "$", **data: JsonValue) -> Finding:
        return self._finding((), message=message, path=path, data=data)

    def about_line(self, line: BasketLine, message: str, field: str, **data: JsonValue) -> Finding:
        return self._about(line, (line,), message, field, data)

    def about_lines(
        self, lines: Sequence[BasketLine], message: str, field: str, **data: JsonValue
    ) -> Finding:
        """About all of these lines; it points at the first."""
        return self._about(lines[0], lines, message, field, {**data, "orderItemIds": _ids(lines)})

    def _about(
        self,
        line: BasketLine,
        lines: Sequence[BasketLine],
        message: str,
        field: str,
        data: dict[str, JsonValue],
    ) -> Finding:
        return self._finding(
            self._facts(lines),
            message=message,
            path=f"{line.path}{field}",
            order_item_id=line.item.id,
            offer_id=line.item.offer.id,
            data=data,
        )

    def about_stock(self, stock: ProductStock, message: str, **data: JsonValue) -> Finding:
        availability = {stock.availability.fact_id} if stock.availability else set[str]()
        return self._finding(
            self._facts(stock.lines) | availability,
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
            code=CHECK_FAILED,
            severity="error" if blocks else "warning",
            resolution="retry",
            message=f"the check {self.code} could not be made",
            path="$",
            data={"check": self.code, "error": type(error).__name__},
            evidence=self.policy,
        )

    def _facts(self, lines: Sequence[BasketLine]) -> set[str]:
        """The ids of these lines' facts that a finding rests on; what an offer is, each of them does."""
        return {id for kind in ("offers", *self.rests_on) for line in lines for id in line.evidence(kind)}

    def _finding(
        self,
        facts: Iterable[str],
        *,
        message: str,
        path: str,
        data: dict[str, JsonValue],
        order_item_id: str | None = None,
        offer_id: str | None = None,
        product_code: str | None = None,
    ) -> Finding:
        return Finding.construct_trusted(
            code=self.code,
            severity=self.severity,
            resolution=self.resolution,
            message=message,
            path=path,
            order_item_id=order_item_id,
            offer_id=offer_id,
            product_code=product_code,
            data=data,
            evidence=tuple(sorted({*facts, *self.policy})),
        )


def check(
    *,
    looks_at: str,
    data: Sequence[DataField] = (),
    resolution: Resolution = "change_basket",
    severity: Severity = "error",
    about_products: bool = False,
    rests_on: Sequence[EvidenceKind] = (),
    goes_through: Scope = "basket",
) -> Callable[[CheckFunction], Check]:
    """Makes a check of a function; its code is the function's name, its meaning the docstring."""

    def make(function: CheckFunction) -> Check:
        return Check(
            function.__name__,
            severity,
            resolution,
            about_products,
            looks_at,
            function,
            data=tuple(data),
            rests_on=tuple(rests_on),
            goes_through=goes_through,
        )

    return make


def _ids(lines: Sequence[BasketLine]) -> list[JsonValue]:
    return [line.item.id for line in lines]
