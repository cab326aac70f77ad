"""The reports of order services and the results that they are sent. docs/orders.md describes both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from adapters.kafka import topics
from adapters.kafka.cloud_events import cloud_event, rfc3339, source_of
from adapters.kafka.messages import Message
from adapters.wire.known_members import IgnoredMembers, keep_known
from adapters.wire.strict_json import InvalidJson, read_json
from adapters.wire.validation_messages import describe_validation_error
from domain.basket.orders import OrderOutcome, OrderRefusal, OrderResult, OrderStatus
from domain.ports.event_store import RenderedResponse
from domain.shared.values import WHOLE_NUMBER, BasketId, NewIdentifier, NewText, normalize_id

RESULT_TYPE = "checkout.order-result.v1"

MAX_PROMISE_LENGTH = 16_384
MAX_VERSION = 2**31 - 1

_REFUSALS: dict[OrderRefusal, str] = {
    "basket_changed": "the basket's content is another than at version {version}",
    "basket_expired": "the basket had expired",
    "basket_cancelled": "the basket is cancelled",
    "already_completed": "the basket is completed, from another order",
    "basket_not_found": "there is no basket of this id",
    "external_id_in_use": "another open basket has the basket's external id by now",
    "invalid_promise": "the promise is none of this basket and version",
}


class InvalidOrderMessage(ValueError):
    """A message of the orders topic that cannot be understood; the text says why."""


class OrderMessage(BaseModel):
    """An order was placed from a basket, or rejected, as an order service says it."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, use_attribute_docstrings=True)

    basket_id: BasketId | None = None
    """The basket that the order was placed from; where it is left out the message's key names it."""
    order_id: NewIdentifier
    """The order's id."""
    status: OrderStatus = "placed"
    """Whether the order was placed, or the placed order was rejected."""
    basket_version: Annotated[int, Field(ge=1, le=MAX_VERSION, strict=True), WHOLE_NUMBER] | None = None
    """The basket's version that the order rests on. If its content changed since, the order is refused."""
    promise: Annotated[str, StringConstraints(max_length=MAX_PROMISE_LENGTH)] | None = None
    """The promise of a verdict, which names the version instead."""
    reason: NewText | None = None
    """Why the order was rejected, in the order service's own words. It is no place for personal data."""


@dataclass(frozen=True, slots=True)
class OrderNotice:
    """What a message says, of the basket that its key or value names, and which of its members are not known here."""

    basket_id: str
    message: OrderMessage
    ignored: IgnoredMembers

    @property
    def names_a_version(self) -> bool:
        return self.message.basket_version is not None or self.message.promise is not None


class _Named(BaseModel):
    basket_id: Annotated[BasketId, AfterValidator(normalize_id), Field(alias="basketId")]


def parse_order(key: bytes | None, value: bytes | None) -> OrderNotice:
    """The key names the basket. If the value names it too, both must agree. Raises InvalidOrderMessage."""
    try:
        _, ignored = keep_known(OrderMessage, read_json(value or b""))
        message = OrderMessage.model_validate_json(value or b"")
        named = normalize_id(key.decode()) if key else message.basket_id
        basket_id = _Named.model_validate({"basketId": named}).basket_id
    except ValidationError as error:
        raise InvalidOrderMessage(describe_validation_error(error)) from error
    except InvalidJson as error:
        raise InvalidOrderMessage(str(error)) from error
    except UnicodeDecodeError as error:
        raise InvalidOrderMessage("the key is no text") from error
    if message.basket_id is not None and normalize_id(message.basket_id) != basket_id:
        raise InvalidOrderMessage(f"the key names {basket_id}, the value {message.basket_id}")
    return OrderNotice(basket_id, message, ignored)


def render_result(result: OrderResult, ignored: IgnoredMembers) -> RenderedResponse:
    """The body of the result's message, as it is stored with the change. It names the members that were ignored."""
    report, basket = result.report, result.basket
    message = None if result.code is None else _REFUSALS[result.code].format(version=report.version)
    body = {
        "basketId": report.basket_id,
        "orderId": report.order_id,
        "status": report.status,
        "outcome": result.outcome,
        "code": result.code,
        "message": message,
        "basketVersion": report.version,
        "currentVersion": basket.version if basket is not None else None,
        "partner": basket.partner if basket is not None else None,
        "decidedAt": rfc3339(result.at),
        **ignored.to_members(),
    }
    return RenderedResponse(200, {}, to_json(body))


@dataclass(frozen=True, slots=True)
class DecidedOrder:
    """The body of a result, and what decides about a dead letter."""

    body: bytes
    partner: str | None
    decided_at: str
    status: OrderStatus
    outcome: OrderOutcome
    code: OrderRefusal | None
    why: str | None

    @classmethod
    def read(cls, response: RenderedResponse) -> DecidedOrder:
        said = from_json(response.body)
        return cls(
            response.body,
            said["partner"],
            said["decidedAt"],
            said["status"],
            said["outcome"],
            said["code"],
            said["message"],
        )


def order_result_message(
    decided: DecidedOrder, *, name: str, basket_id: str, correlation_id: str, traceparent: str
) -> Message:
    """`name` is unique among all messages."""
    headers = cloud_event(
        id=f"{name}/result",
        source=source_of("orders", decided.partner),
        type=RESULT_TYPE,
        time=decided.decided_at,
        subject=basket_id,
        partitionkey=basket_id,
        correlationid=correlation_id,
        causationid=correlation_id,
        partnerorg=decided.partner,
        traceparent=traceparent,
    )
    return Message(topics.ORDER_RESULTS, basket_id.encode(), decided.body, headers)
