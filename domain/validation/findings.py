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
    """One thing that a check has to say.

    `path` is an RFC 9535 JSONPath into `checkout`; `data` holds the facts that the message is made of.
    """

    code: str
    severity: Severity
    resolution: Resolution
    message: str
    path: str
    order_item_id: str | None = None
    offer_id: str | None = None
    product_code: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Verdict(Value):
    """All findings of one pass over a basket, and the catalogue facts (ids) that they rest on."""

    blocked_products: tuple[Finding, ...]
    validation_errors: tuple[Finding, ...]
    evidence: tuple[str, ...]

    @property
    def ready(self) -> bool:
        findings = (*self.blocked_products, *self.validation_errors)
        return not any(finding.severity == "error" for finding in findings)
