"""The shapes of the answers, as callers may rely on them. They describe; `domain/basket/document.py` makes
the answers, and the tests hold each answer against these."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.basket.basket import BasketStatus
from domain.validation.findings import Resolution, Severity
from domain.values import BasketId, OrderItemType

Amount = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="A decimal string, such as 10.00.")]


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class MoneyShape(Shape):
    amount: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.")]


class ProductShape(Shape):
    product_code: str
    path: str | None


class OfferShape(Shape):
    """An offer version as it was known when the line was added; name, path and products may be unknown."""

    id: str
    version: str
    name: str | None
    path: str | None
    products: list[ProductShape]


class OrderItemShape(Shape):
    """A line. An unpriced one has neither price nor total."""

    id: str
    type: OrderItemType
    parent_id: str | None
    quantity: Annotated[int, Field(ge=1)]
    offer: OfferShape
    price: Annotated[MoneyShape | None, Field(description="For one unit, as known when it was added.")]
    line_total: MoneyShape | None


class OrderShape(Shape):
    id: BasketId
    external_id: Annotated[str | None, Field(alias="external_id")]
    status: BasketStatus
    version: Annotated[int, Field(ge=1, description="Counts every event of the basket; `ETag` bears it.")]
    country: str | None
    currency: str | None
    source: str | None
    order_type: Annotated[str | None, Field(alias="order_type")]
    tracking: dict[str, Any]
    custom_fields: dict[str, Any]
    order_items: list[OrderItemShape]
    total: Annotated[
        MoneyShape | None, Field(description="None where a line is unpriced or currencies are mixed.")
    ]
    created: datetime
    modified: datetime
    expires_at: datetime


class InitiateAnswer(Shape):
    id: BasketId


class OrderAnswer(Shape):
    id: BasketId
    order: OrderShape


class ActionResultShape(Shape):
    """What one action did. `before` and `after` are the line's quantity, 0 where there is no line."""

    index: Annotated[int, Field(ge=0)]
    order_item_action_type: Literal["add", "remove", "change_quantity"]
    status: Literal["applied", "unchanged"]
    order_item_id: str
    before: Annotated[int, Field(ge=0)]
    after: Annotated[int, Field(ge=0)]
    removed_order_item_ids: Annotated[
        list[str], Field(description="Every line that left: an offer takes its add-ons along.")
    ]


class UpdateAnswer(Shape):
    id: BasketId
    order: OrderShape
    action_results: list[ActionResultShape]


class FindingShape(Shape):
    """One thing that a check has to say; an error makes the basket not ready, a warning does not."""

    code: str
    severity: Severity
    resolution: Resolution
    message: str
    path: Annotated[str, Field(description="RFC 9535 JSONPath into `checkout`.")]
    order_item_id: str | None
    offer_id: str | None
    product_code: str | None
    data: Annotated[dict[str, Any], Field(description="The facts that the message is made of.")]


class ValidateAnswer(Shape):
    id: BasketId
    checkout: Annotated[OrderShape, Field(description="The basket as it was judged.")]
    ready: bool
    blocked_products: list[FindingShape]
    validation_errors: list[FindingShape]
    basket_version: Annotated[int, Field(ge=1, description="The version that was judged.")]
    validated_at: datetime
    evidence: Annotated[list[str], Field(description="Ids of the catalogue facts that the verdict rests on.")]


class ProblemError(Shape):
    pointer: Annotated[str, Field(description="RFC 6901 JSON pointer into the body.")]
    code: str
    message: str


class ProblemShape(Shape):
    """RFC 9457. `code` is stable; words may change."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: str
    errors: Annotated[list[ProblemError], Field(default_factory=list)]
    version: Annotated[int | None, Field(default=None, description="409 and 412: the basket's version.")]
    order: Annotated[OrderShape | None, Field(default=None, description="409: the order as it is.")]
    basket_status: Annotated[
        BasketStatus | None, Field(default=None, description="409: why it takes no changes.")
    ]
