"""What a validation says: findings, and the verdict that they make."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from domain.base import Value

Severity = Literal["error", "warning"]
"""An error makes the basket not ready; a warning does not."""

Resolution = Literal["retry", "change_basket", "contact_seller"]
"""What the caller can do about a finding."""


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


class Verdict(Value):
    """All findings of one pass over a basket, and the catalogue facts (ids) that they rest on."""

    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    evidence: tuple[str, ...]

    @property
    def ready(self) -> bool:
        findings = (*self.blocked_products, *self.validation_errors)
        return not any(finding.severity == "error" for finding in findings)
