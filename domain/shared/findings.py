"""What a validation reports: findings, and the verdict that they make."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from domain.shared.eventsourcing import Value

Severity = Literal["error", "warning"]
"""An error makes the basket not ready; a warning does not."""

Resolution = Literal["retry", "change_basket", "contact_seller"]
"""What the caller can do about a finding."""

CheckCode = Literal[
    "basket_empty",
    "basket_expired",
    "basket_completed",
    "too_many_lines",
    "total_above_maximum",
    "mixed_currencies",
    "offer_unknown",
    "offer_not_published",
    "offer_version_superseded",
    "offer_not_on_sale_yet",
    "offer_no_longer_on_sale",
    "offer_not_for_country",
    "offer_not_for_partner",
    "quantity_below_minimum",
    "quantity_above_maximum",
    "quantity_not_a_multiple",
    "add_on_without_parent",
    "add_on_not_allowed_here",
    "offers_incompatible",
    "price_missing",
    "price_changed",
    "expected_price_differs",
    "price_expired",
    "price_expires_soon",
    "product_blocked",
    "product_discontinued",
    "product_out_of_stock",
    "product_insufficient_stock",
    "product_low_stock",
]
"""The checks. Policies and callers use these names, so they are promises."""


class Finding(Value):
    """One thing that a check has to say."""

    code: str
    """Which check found it; more codes may come."""
    severity: Severity
    """An error makes the basket not ready, a warning does not."""
    resolution: Resolution
    """What can be done about it."""
    message: str
    """The finding in words, for people."""
    path: str
    """Where in `checkout`, as an RFC 9535 JSONPath."""
    order_item_id: str | None = None
    """The line that it is about, of several the first."""
    offer_id: str | None = None
    """The offer of that line."""
    product_code: str | None = None
    """The product that it is about."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """The facts that the message is made of; which ones depends on the code."""
    evidence: tuple[str, ...] = ()
    """The ids of the catalogue's and policies' facts that it rests on."""


class Passed(Value):
    """Checks that found nothing and rest on the same facts. They stand together: a large basket has many facts, and
    two dozen checks would each repeat them."""

    codes: tuple[str, ...]
    """The checks."""
    evidence: tuple[str, ...]
    """The ids of the catalogue's and policies' facts that they rest on."""


class Verdict(Value):
    """All findings about a basket, the checks that found nothing, and the ids of the facts that the verdict rests
    on."""

    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    evidence: tuple[str, ...]
    passed: tuple[Passed, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.blocked_products, *self.validation_errors)

    @property
    def ready(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)
