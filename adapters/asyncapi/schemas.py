"""Everything that is published as JSON Schema: events and other messages, with who writes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, RootModel

from adapters.kafka.order_messages import OrderMessage
from adapters.wire.action_requests import UpdateRequest
from adapters.wire.requests import CancelRequest, InitiateRequest
from adapters.wire.response_schemas import BasketStateShape, CommandResultShape, OrderResultShape, ValidateAnswer
from adapters.wire.schema_uris import schema_uri
from domain.basket.events import BasketEvent
from domain.catalogue.facts import AvailabilityFact, OfferFact, PriceFact
from domain.catalogue.policies import PolicyFact
from domain.shared.eventsourcing import DomainEvent
from domain.shared.values import BASKET_ID_PATTERN

Document = dict[str, Any]
Writer = Literal["we", "others"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ValidateCommandShape(RootModel[Any]):
    """A validate command. It needs no value; one is not read."""


class DeadLetterShape(RootModel[Any]):
    """The value of the message that was not understood, byte for byte."""


@dataclass(frozen=True, slots=True)
class PublishedSchema:
    """A type name or topic with a promised schema. Its writer decides what may change."""

    name: str
    model: type[BaseModel]
    writer: Writer

    @property
    def file_name(self) -> str:
        return f"{self.name}.json"

    @cache  # noqa: B019  (there are as many as there are schemas)
    def schema(self) -> Document:
        """The JSON Schema of the model, for readers in any language. Nobody may change it."""
        raw = self.model.model_json_schema(mode="serialization" if self.writer == "we" else "validation")
        tidied = _tidied(raw)
        if issubclass(self.model, DomainEvent):
            _complete_event(tidied)
        return {
            "$schema": DIALECT,
            "$id": schema_uri(self.name),
            "title": self.name,
            "description": tidied.pop("description"),
            **tidied,
        }


def _complete_event(schema: Document) -> None:
    """Adds what holds for every event: `type` is required, though the class has a default, and the basket's id has
    a pattern, which readers here do not check again."""
    properties = schema["properties"]
    properties["type"] = {
        "description": "What happened, with the version of its shape.",
        **properties["type"],
    }
    properties["basketId"]["pattern"] = BASKET_ID_PATTERN
    schema["required"] = ["type", *schema["required"]]


PUBLISHED: tuple[PublishedSchema, ...] = (
    *(PublishedSchema(event.model_fields["type"].default, event, "we") for event in BasketEvent.__args__),
    PublishedSchema("checkout.basket.v1", BasketStateShape, "we"),
    PublishedSchema("checkout.validation-result.v1", ValidateAnswer, "we"),
    PublishedSchema("checkout.command-result.v1", CommandResultShape, "we"),
    PublishedSchema("checkout.order-result.v1", OrderResultShape, "we"),
    PublishedSchema("checkout.initiate-basket.v1", InitiateRequest, "others"),
    PublishedSchema("checkout.update-basket.v1", UpdateRequest, "others"),
    PublishedSchema("checkout.validate-basket.v1", ValidateCommandShape, "others"),
    PublishedSchema("checkout.cancel-basket.v1", CancelRequest, "others"),
    PublishedSchema("checkout.orders.v1", OrderMessage, "others"),
    PublishedSchema("catalogue.offers.v1", OfferFact, "others"),
    PublishedSchema("catalogue.prices.v1", PriceFact, "others"),
    PublishedSchema("catalogue.availability.v1", AvailabilityFact, "others"),
    PublishedSchema("checkout.policies.v1", PolicyFact, "others"),
    PublishedSchema("checkout.dead-letter.v1", DeadLetterShape, "we"),
)


def _tidied(schema: Any, *, names: bool = False) -> Any:
    """Removes the titles that pydantic derives from names, and OpenAPI's `discriminator`, which strict validators
    refuse. Puts every description on one line.

    `names`: the keys are names of fields or definitions, not keywords of JSON Schema.
    """
    if isinstance(schema, dict):
        kept = (
            schema if names else {key: value for key, value in schema.items() if key not in ("title", "discriminator")}
        )
        return {
            key: " ".join(value.split())
            if key == "description" and isinstance(value, str)
            else _tidied(value, names=not names and key in {"properties", "$defs"})
            for key, value in kept.items()
        }
    if isinstance(schema, list):
        return [_tidied(value) for value in schema]
    return schema
