"""The bodies that callers send, over HTTP and Kafka alike, and the commands they become.

The models refuse unknown members. Lenient handling removes and names them first (`known_members.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from adapters.settings import Settings
from adapters.wire.detail_maps import PersonMap, TrackingMap
from domain.basket.commands import (
    NO_PRECONDITIONS,
    CancelBasket,
    InitiateBasket,
    Preconditions,
    RequestedItem,
)
from domain.basket.decision import BasketLimits
from domain.basket.events import OPEN_MAPS, BasketDetails
from domain.shared.iso_codes import IsoCountry, IsoCurrency
from domain.shared.money import AMOUNT_PATTERN, ExpectedPrice, Interval
from domain.shared.values import (
    WHOLE_NUMBER,
    BasketId,
    DataSubject,
    NewIdentifier,
    NewText,
    OfferRef,
    OpenMap,
    OrderItemType,
    normalize_id,
)


@dataclass(frozen=True, slots=True)
class RequestLimits(BasketLimits):
    """The limits of a basket hold for a request too."""

    @classmethod
    def of(cls, settings: Settings) -> RequestLimits:
        return cls(settings.max_quantity, settings.max_items, settings.max_actions)


def _limits(info: ValidationInfo) -> RequestLimits:
    return info.context if isinstance(info.context, RequestLimits) else RequestLimits()


def _quantity(value: int, info: ValidationInfo) -> int:
    if value < 1:
        raise PydanticCustomError("quantity_too_small", "a line holds at least 1")
    return _quantity_or_none_left(value, info)


def _quantity_or_none_left(value: int, info: ValidationInfo) -> int:
    most = _limits(info).max_quantity
    if value < 0:
        raise PydanticCustomError("quantity_too_small", "a quantity is not negative")
    if value > most:
        raise PydanticCustomError("quantity_too_large", "a line holds at most {most}", {"most": most})
    return value


UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

Quantity = Annotated[
    int, WHOLE_NUMBER, AfterValidator(_quantity), WithJsonSchema({"type": "integer", "minimum": 1, "examples": [1]})
]
NewQuantity = Annotated[
    int,
    WHOLE_NUMBER,
    AfterValidator(_quantity_or_none_left),
    WithJsonSchema({"type": "integer", "minimum": 0, "examples": [3]}),
]
OwnItemId = Annotated[
    str,
    StringConstraints(pattern=UUID_PATTERN),
    AfterValidator(normalize_id),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": UUID_PATTERN}),
]

LineId = Annotated[NewIdentifier, AfterValidator(normalize_id)]
"""The id of a line: a UUID in either case."""


def _allow_unknown_members(schema: dict[str, Any]) -> None:
    """Lenient handling removes unknown members before a model sees them, so that the published schemas allow them."""
    schema.pop("additionalProperties", None)


class RequestModel(BaseModel):
    """Accepts the contract's fields only, by the contract's names and types."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        use_attribute_docstrings=True,
        json_schema_extra=_allow_unknown_members,
    )


class OfferRequest(RequestModel):
    """One version of an offer."""

    id: NewIdentifier
    """The offer's id."""
    version: NewIdentifier
    """The offer's version."""

    def to_ref(self) -> OfferRef:
        return OfferRef.construct_trusted(id=self.id, version=self.version)


class MoneyRequest(RequestModel):
    """An amount in a currency, paid once or again and again."""

    amount: Annotated[str, StringConstraints(pattern=AMOUNT_PATTERN)]
    """The amount as a decimal string, such as 10.00."""
    currency: IsoCurrency
    """The currency, ISO 4217."""

    interval: Interval | None = None
    """The time between two payments, an ISO 8601 duration such as P1M. Null: the amount is paid once.
    Left out: any interval will do."""

    def to_price(self) -> ExpectedPrice:
        return ExpectedPrice.construct_trusted(
            amount=Decimal(self.amount),
            currency=self.currency,
            interval=self.interval,
            any_interval="interval" not in self.model_fields_set,
        )


class ItemRequest(RequestModel):
    """A line that the basket shall have. `type` is optional if the basket has no add-ons."""

    offer: OfferRequest
    """The offer version."""
    quantity: Annotated[Quantity | None, Field(json_schema_extra={"default": 1})] = None
    """How many of the offer; 1 where it is left out. Any JSON number without a fraction, such as 2.0."""
    id: OwnItemId | None = None
    """An id of the caller's own, by which add-ons name their parent."""
    type: OrderItemType | None = None
    """Whether it is an offer or an add-on to one."""
    parent_id: LineId | None = None
    """The order item that an add-on hangs under."""
    expected_price: MoneyRequest | None = None
    """The price of one that the caller expects; validation compares the current price with it."""

    def to_item(self) -> RequestedItem:
        expected = self.expected_price.to_price() if self.expected_price else None
        quantity = 1 if self.quantity is None else self.quantity
        return RequestedItem(self.offer.to_ref(), quantity, self.id, self.type, self.parent_id, expected)


_DETAIL_NAMES = tuple(name for name in BasketDetails.model_fields if name != "market")


class DetailsRequest(RequestModel):
    """A basket's data beside its items."""

    external_id: Annotated[NewIdentifier | None, Field(alias="external_id")] = None
    """The caller's own id of the order; one open basket of an organisation holds it at a time."""
    country: IsoCountry = None
    """Where the basket is sold, ISO 3166-1 alpha-2. Lower case is accepted, and answered in upper case; blank text
    names no country."""
    currency: IsoCurrency | None = None
    """The currency of the basket, ISO 4217."""
    source: NewText | None = None
    """Where the basket came from, in the caller's own words."""
    order_type: Annotated[NewText | None, Field(alias="order_type")] = None
    """The kind of order, in the caller's own words."""
    tracking: TrackingMap | None = None
    """The caller's own; kept as it came. `purchaseCountryCode` may name the country of eligibility."""
    custom_fields: OpenMap | None = None
    """The caller's own; kept as it came."""
    data_subject: DataSubject | None = None
    """Whose personal data the order holds: the caller's pseudonymous id of the person, never a name or a mail
    address. An erasure by it covers all baskets that name it."""
    customer_details: PersonMap | None = None
    """Who buys. Personal data: it is stored encrypted, and erased with the person's data."""
    billing_details: PersonMap | None = None
    """Who pays, and where. Personal data."""
    delivery_details: PersonMap | None = None
    """Where it is sent, such as to whom a gift goes. Personal data."""

    def to_details(self) -> BasketDetails:
        """All details; what the request does not name is empty."""
        said = self.__dict__
        details = {name: said[name] for name in _DETAIL_NAMES}
        details |= {name: {} for name in OPEN_MAPS if details[name] is None}
        return BasketDetails.construct_trusted(**details, market=None)

    def to_changes(self) -> dict[str, Any]:
        """The details that the request names, null ones included, by the names of the fields of BasketDetails."""
        return {name: self._detail(name) for name in _DETAIL_NAMES if name in self.model_fields_set}

    def _detail(self, name: str) -> Any:
        value = getattr(self, name)
        return {} if value is None and name in OPEN_MAPS else value


class OrderRequest(DetailsRequest):
    """What the basket shall be: its items and the data beside them."""

    order_items: list[ItemRequest] | None = None
    """The lines that the basket shall have; items of one offer version, type and parent become one line. Left out or
    null: an open basket keeps its lines, and a new basket has none. An empty list removes all lines."""
    checkout_id: Annotated[BasketId, AfterValidator(normalize_id)] | None = None
    """The basket to set to this order. Without it, see the call."""


class InitiateRequest(RequestModel):
    """Create a basket, or set the one that the request means to this order."""

    order: OrderRequest
    """What the basket shall be."""

    def to_command(
        self,
        *,
        landing_basket_id: str | None = None,
        preconditions: Preconditions = NO_PRECONDITIONS,
        include_findings: bool = False,
    ) -> InitiateBasket:
        items = self.order.order_items
        return InitiateBasket(
            details=self.order.to_details(),
            items=None if items is None else tuple(item.to_item() for item in items),
            checkout_id=self.order.checkout_id,
            landing_basket_id=landing_basket_id,
            preconditions=preconditions,
            include_findings=include_findings,
        )


REASON_CODE_PATTERN = r"^[A-Za-z0-9_.\-]{1,64}$"
ReasonCode = Annotated[str, StringConstraints(pattern=REASON_CODE_PATTERN, strict=True)]
_REASON_CODE: TypeAdapter[str] = TypeAdapter(ReasonCode)


class CancelReason(RequestModel):
    """Why a basket is cancelled. A text alone is the code."""

    code: ReasonCode
    """A code of the caller's own, for reports."""
    text: NewText | None = None
    """The reason in the caller's own words. It is no place for personal data: an erasure does not find it here."""


def _plain_code(value: object, handler: ValidatorFunctionWrapHandler) -> CancelReason:
    if isinstance(value, str):
        return CancelReason.model_construct(code=_REASON_CODE.validate_python(value), text=None)
    reason: CancelReason = handler(value)
    return reason


class CancelRequest(RequestModel):
    """Give a basket up: no order will be placed from it."""

    reason: Annotated[CancelReason, WrapValidator(_plain_code, json_schema_input_type=CancelReason | ReasonCode)]
    """Why, as a code with an optional text, or as a code alone."""

    def to_command(self, *, basket_id: str, preconditions: Preconditions = NO_PRECONDITIONS) -> CancelBasket:
        return CancelBasket(basket_id, self.reason.code, self.reason.text, preconditions)
