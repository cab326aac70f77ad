"""The type of a check, and how a check makes its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from domain.catalogue.policies import Level
from domain.shared.findings import Finding, Resolution, Severity
from domain.validation.context import ValidationContext
from domain.validation.context_items import BasketLine, EvidenceKind, ProductStock, Scope
from domain.validation.finding_schema import DataField, time_json

CHECK_FAILED = "check_failed"
"""The code of the finding that stands for a crashed check."""

CheckFunction = Callable[["Check", ValidationContext], Iterator[Finding]]


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A named check. Errors about products go to `blockedProducts`, all other findings to `validationErrors`."""

    code: str
    """A `CheckCode`, except in tests."""
    severity: Severity
    resolution: Resolution
    about_products: bool
    looks_at: str
    function: CheckFunction
    data: tuple[DataField, ...] = ()
    rests_on: tuple[EvidenceKind, ...] = ()
    scope: Scope = "basket"
    """The check is skipped if this scope has no item to check."""
    policy: tuple[str, ...] = ()
    """The ids of the policies that apply; every finding rests on them."""
    is_optional: bool = False
    """Whether it runs only where a policy names its level."""

    @property
    def level(self) -> Level:
        """The level where no policy names another."""
        return "off" if self.is_optional else self.severity

    @property
    def meaning(self) -> str:
        """The function's docstring on one line."""
        return " ".join((self.function.__doc__ or "").split())

    def data_schema(self) -> dict[str, Any]:
        """The JSON Schema of the findings' `data`."""
        return {
            "type": "object",
            "properties": {field.name: field.schema() for field in self.data},
            "required": [field.name for field in self.data],
            "additionalProperties": False,
        }

    def under(self, severity: Severity, policy: tuple[str, ...]) -> Check:
        """The check with the severity that policies give it."""
        if severity == self.severity and policy == self.policy:
            return self
        return replace(self, severity=severity, policy=policy)

    def find(self, context: ValidationContext) -> Iterator[Finding]:
        return self.function(self, context)

    def about_basket(self, message: str, path: str = "$", **data: JsonValue) -> Finding:
        return self._finding((), message, path, data)

    def about_line(self, line: BasketLine, message: str, field: str, **data: JsonValue) -> Finding:
        return self._finding((line,), message, f"{line.path}{field}", data)

    def about_lines(self, lines: Sequence[BasketLine], message: str, field: str, **data: JsonValue) -> Finding:
        """A finding about several lines; its path is that of the first."""
        return self._finding(lines, message, f"{lines[0].path}{field}", {**data, "orderItemIds": _ids(lines)})

    def about_stock(self, stock: ProductStock, message: str, **data: JsonValue) -> Finding:
        fact = stock.availability
        data = {
            **data,
            "requested": stock.requested,
            "orderItemIds": _ids(stock.lines),
            "validFrom": time_json(fact.valid_from) if fact else None,
            "validUntil": time_json(fact.valid_until) if fact else None,
        }
        return self._finding(stock.lines, message, stock.path, data, stock)

    def failed(self, error: Exception, *, blocks: bool) -> Finding:
        """The finding that stands for a check that crashed."""
        return Finding(
            code=CHECK_FAILED,
            severity="error" if blocks else "warning",
            resolution="retry",
            message=f"the check {self.code} could not be made",
            path="$",
            data={"check": self.code, "error": type(error).__name__},
            evidence=self.policy,
        )

    def _finding(
        self,
        lines: Sequence[BasketLine],
        message: str,
        path: str,
        data: dict[str, JsonValue],
        stock: ProductStock | None = None,
    ) -> Finding:
        kinds: tuple[EvidenceKind, ...] = ("offers", *self.rests_on)
        facts = {id for kind in kinds for line in lines for id in line.evidence(kind)}
        if stock is not None and stock.availability is not None:
            facts.add(stock.availability.fact_id)
        item = lines[0].item if lines else None
        return Finding.construct_trusted(
            code=self.code,
            severity=self.severity,
            resolution=self.resolution,
            message=message,
            path=path,
            order_item_id=item.id if item else None,
            offer_id=item.offer.id if item else None,
            product_code=stock.code if stock else None,
            data=data,
            evidence=tuple(sorted(facts.union(self.policy))),
        )


def check(
    *,
    looks_at: str,
    data: Sequence[DataField] = (),
    resolution: Resolution = "change_basket",
    severity: Severity = "error",
    about_products: bool = False,
    rests_on: Sequence[EvidenceKind] = (),
    scope: Scope = "basket",
    is_optional: bool = False,
) -> Callable[[CheckFunction], Check]:
    """Makes a check of a function: its name is the code, its docstring the meaning."""
    return lambda function: Check(
        function.__name__,
        severity,
        resolution,
        about_products,
        looks_at,
        function,
        tuple(data),
        tuple(rests_on),
        scope,
        is_optional=is_optional,
    )


def _ids(lines: Sequence[BasketLine]) -> list[JsonValue]:
    return [line.item.id for line in lines]
