"""The shapes of findings and remedies. Class names stand in published schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from adapters.wire.base_schemas import MoneyShape, PriceShape, ResponseSchema
from domain.shared.findings import Resolution, Severity


class FindingShape(ResponseSchema):
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
    order_item_id: str | None
    """The line that it is about, of several the first."""
    offer_id: str | None
    """The offer of that line."""
    product_code: str | None
    """The product that it is about."""
    data: dict[str, JsonValue]
    """The facts that the message is made of; which ones depends on the code."""
    evidence: Annotated[list[str], Field(default_factory=list)]
    """The ids of the catalogue's and policies' facts that it rests on."""


class PassedShape(ResponseSchema):
    """Checks that found nothing and rest on the same facts."""

    codes: list[str]
    """The checks; more may come."""
    evidence: list[str]
    """The ids of the catalogue's and policies' facts that they rest on."""


class RemovalShape(ResponseSchema):
    """Removes a line, and its add-ons with it."""

    order_item_action_type: Literal["remove"]
    """The kind of action."""
    id: str
    """The line."""


class QuantityChangeShape(ResponseSchema):
    """Sets a line's quantity."""

    order_item_action_type: Literal["change_quantity"]
    """The kind of action."""
    id: str
    """The line."""
    quantity: Annotated[int, Field(ge=1)]
    """The new quantity."""
    expected_price: Annotated[PriceShape, Field(default=None)]
    """The current price of one; there where the line's price is mended too."""


class OfferVersionShape(ResponseSchema):
    """One version of an offer."""

    id: str
    """The offer's id."""
    version: str
    """The offer's version."""


class SwapShape(ResponseSchema):
    """Puts another version of the offer into a line."""

    order_item_action_type: Literal["swap"]
    """The kind of action."""
    id: str
    """The line."""
    offer: OfferVersionShape
    """The offer version that the line shall have."""
    quantity: Annotated[int, Field(default=None, ge=1)]
    """The new quantity; there where it changes."""


class PriceAcceptanceShape(ResponseSchema):
    """Accepts a line's current price."""

    order_item_action_type: Literal["expect_price"]
    """The kind of action."""
    id: str
    """The line."""
    expected_price: PriceShape
    """The current price of one."""


class LeadsToShape(ResponseSchema):
    """What the next validation says once the actions were applied, on the same facts."""

    ready: bool
    """Whether the basket may become an order then."""
    total: MoneyShape | None
    """The basket's total then; null where it has none."""
    remaining: list[str]
    """The codes of all findings that are left, warnings included: sorted, each once."""


class RemedyShape(ResponseSchema):
    """The smallest change that mends what the caller can mend."""

    if_match: str
    """The version that the actions were judged on, to be sent as `If-Match`."""
    order_item_actions: list[RemovalShape | QuantityChangeShape | SwapShape | PriceAcceptanceShape]
    """The actions, to be sent to update as they stand; more kinds may come."""
    leads_to: LeadsToShape
    """What they lead to."""


class FindingsShape(ResponseSchema):
    """The findings as of now, with `include=findings`: judged from what is remembered of the catalogue, which may be a
    moment old. A validation has the last word."""

    ready: bool
    """Whether a validation would find the basket ready: no finding is an error."""
    blocked_products: list[FindingShape]
    """The findings about products."""
    validation_errors: list[FindingShape]
    """The findings about everything else. Paths lead into `order`."""
    remedy: RemedyShape | None
    """What mends the basket. Null if nothing is an error, or if only the seller or time can help."""


class IncludedFindings(ResponseSchema):
    """What an answer has beside, with `include=findings`."""

    findings: Annotated[FindingsShape, Field(default=None)]
    """The findings as of now. Left out without `include=findings`."""
