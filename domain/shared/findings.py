"""What a validation reports: findings, and the verdict that they make."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field, JsonValue

from domain.shared.eventsourcing import Value
from domain.shared.money import OrderTotal, Price
from domain.shared.values import OfferRef

Severity = Literal["error", "warning"]
"""An error makes the basket not ready; a warning does not."""

Resolution = Literal["retry", "change_basket", "contact_seller"]
"""What the caller can do about a finding."""

CheckCode = Literal[
    "basket_empty",
    "basket_expired",
    "basket_completed",
    "basket_cancelled",
    "too_many_lines",
    "total_above_maximum",
    "mixed_currencies",
    "mixed_rates",
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
    "price_not_payable",
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

    @property
    def line_ids(self) -> tuple[str, ...]:
        """The lines that it is about; none if it is about the basket as a whole."""
        several = self.data.get("orderItemIds")
        if isinstance(several, list):
            return tuple([str(id) for id in several])
        return () if self.order_item_id is None else (self.order_item_id,)


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
        return not self.findings or not any(finding.severity == "error" for finding in self.findings)


class _LineAction(Value):
    """An action on one line. Its JSON is what an update takes, so absent members are left out. A price has its
    interval, also where that is null: left out, it would accept any interval."""

    id: str
    """The line."""


class LineRemoval(_LineAction):
    """Remove a line, and its add-ons with it."""

    order_item_action_type: Literal["remove"] = "remove"
    """The kind of action."""


class LineQuantityChange(_LineAction):
    """Set a line's quantity."""

    order_item_action_type: Literal["change_quantity"] = "change_quantity"
    """The kind of action."""
    quantity: Annotated[int, Field(ge=1)]
    """The new quantity."""
    expected_price: Annotated[Price | None, Field(exclude_if=lambda price: price is None)] = None
    """The current price of one, where the line's price is mended too."""


class LineSwap(_LineAction):
    """Put another version of an offer into a line."""

    order_item_action_type: Literal["swap"] = "swap"
    """The kind of action."""
    offer: OfferRef
    """The offer version that the line shall have."""
    quantity: Annotated[int | None, Field(ge=1, exclude_if=lambda quantity: quantity is None)] = None
    """The new quantity, where it changes."""


class LinePriceAcceptance(_LineAction):
    """Accept a line's current price."""

    order_item_action_type: Literal["expect_price"] = "expect_price"
    """The kind of action."""
    expected_price: Price
    """The current price of one."""


RemedyAction = Annotated[
    LineRemoval | LineQuantityChange | LineSwap | LinePriceAcceptance, Field(discriminator="order_item_action_type")
]


class LeadsTo(Value):
    """What a validation says once the actions were applied, on the same facts and at the same time."""

    ready: bool
    """Whether the basket may become an order then."""
    total: OrderTotal | None
    """The basket's total then; null where it has none."""
    remaining: tuple[str, ...]
    """The codes of all findings that are left, warnings included: sorted, each once."""


class Remedy(Value):
    """The smallest change that mends what the caller can mend. It was judged before it is proposed."""

    order_item_actions: tuple[RemedyAction, ...]
    """The actions, as an update takes them."""
    leads_to: LeadsTo
    """What they lead to."""


class Assessment(Struct, frozen=True):
    """A verdict with its remedy; None where nothing is wrong, or where the caller cannot help."""

    verdict: Verdict
    remedy: Remedy | None = None
