"""Every message that is published or read: what it means, its headers and its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.asyncapi import headers
from adapters.asyncapi.headers import HeaderGroup, HeaderSpec
from adapters.asyncapi.schemas import PUBLISHED, Document, PublishedSchema
from adapters.wire.schema_uris import schema_uri
from domain.basket.codec import KNOWN_TYPES
from domain.shared.values import BASKET_ID_PATTERN

_SCHEMAS = {published.name: published for published in PUBLISHED}
_BASKET_ID = BASKET_ID_PATTERN.removeprefix("^").removesuffix("$")


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """A message by its type, or by its topic where it needs none. Without a schema it has no value: a tombstone.

    `constraints` are JSON Schema of headers, beside those of their groups. `correlation` is the header that ties it to
    the messages that it led to, or that led to it.
    """

    name: str
    title: str
    meaning: str
    groups: Sequence[HeaderGroup]
    schema: PublishedSchema | None = None
    constraints: Mapping[str, Document] = field(default_factory=dict)
    correlation: str | None = None
    content_type: str = "application/json"

    def headers(self) -> Sequence[HeaderSpec]:
        return [header for group in self.groups for header in group.headers]

    def own_constraints(self) -> Mapping[str, Document]:
        """What holds of headers in this message alone."""
        required = {header.name for header in self.headers() if header.required}
        fixed = {
            "ce_type": self.type,
            "ce_dataschema": schema_uri(self.type),
            "content-type": self.content_type if headers.CLOUD_EVENT in self.groups else None,
        }
        constants = {name: {"const": value} for name, value in fixed.items() if value is not None and name in required}
        return {**constants, **self.constraints}

    @property
    def type(self) -> str:
        return self.name.removesuffix(TOMBSTONE)


TOMBSTONE = ".tombstone"


def tombstone_of(message: MessageSpec, title: str, meaning: str, **constraints: Document) -> MessageSpec:
    """The message without a value that ends what this message says, with the same headers."""
    return MessageSpec(
        message.name + TOMBSTONE, title, meaning, message.groups, constraints={**message.constraints, **constraints}
    )


def _title(name: str) -> str:
    """`checkout.order-item-added.v1` → `Order item added`."""
    words = name.split(".")[1].replace("-", " ")
    return words[0].upper() + words[1:]


def _published(name: str, *groups: HeaderGroup, title: str | None = None, **constraints: Document) -> MessageSpec:
    schema = _SCHEMAS[name]
    meaning = schema.schema()["description"]
    return MessageSpec(name, title or _title(name), meaning, groups, schema, constraints)


def _id_of(suffix: str) -> Document:
    words = f"`<basket id>/<version>{suffix}`. What was sent twice has the same source and id."
    return {"pattern": f"^{_BASKET_ID}/[0-9]+{suffix}$", "description": words}


def _about_basket(name: str, suffix: str = "", title: str | None = None) -> MessageSpec:
    """A message of the publisher. `suffix` ends its id."""
    groups = (headers.CLOUD_EVENT, headers.SCHEMA, headers.BASKET, headers.TRACE, headers.REPLAY)
    return replace(
        _published(name, *groups, title=title),
        constraints={
            "ce_id": _id_of(suffix),
            "ce_source": {
                "pattern": f"^/partner/checkout/baskets/{_BASKET_ID}$",
                "description": "The basket: `/partner/checkout/baskets/<basket id>`.",
            },
        },
        correlation="ce_correlationid",
    )


def _command(name: str, *groups: HeaderGroup) -> MessageSpec:
    return replace(_published(name, headers.COMMAND, headers.TRACE, *groups), correlation="ce_id")


def _result(name: str, path: str) -> MessageSpec:
    spec = _published(name, headers.CLOUD_EVENT, headers.SCHEMA, headers.RESULT, headers.TRACE)
    source = {
        "pattern": f"^{path}(/.+)?$",
        "description": f"`{path}/<organisation>`, percent-encoded; without the organisation if it is not known.",
    }
    return replace(spec, constraints={"ce_source": source}, correlation="ce_correlationid")


def _fact(name: str, title: str, withdrawn: str) -> Sequence[MessageSpec]:
    stated = _published(name, headers.FACT, title=title)
    return [stated, tombstone_of(stated, f"{title}, withdrawn", withdrawn)]


EVENTS = [_about_basket(name) for name in _SCHEMAS if name in KNOWN_TYPES]
VERDICT = _about_basket("checkout.validation-result.v1", "/verdict", "Verdict")
STATE = _about_basket("checkout.basket.v1", "/state", "State of a basket")
STATE_TOMBSTONE = tombstone_of(
    STATE,
    "State of a basket, removed",
    "The basket was over, and its retention passed. Remove it from what you keep.",
    ce_id=_id_of("/tombstone"),
)
COMMANDS = [
    _command("checkout.initiate-basket.v1", headers.INCLUDE),
    _command("checkout.update-basket.v1", headers.COMMAND_SUBJECT, headers.INCLUDE),
    _command("checkout.validate-basket.v1", headers.COMMAND_SUBJECT),
    _command("checkout.cancel-basket.v1", headers.COMMAND_SUBJECT),
]
COMMAND_RESULT = _result("checkout.command-result.v1", "/partner/checkout/commands")
ORDER_REPORT = replace(
    _published("checkout.orders.v1", headers.REPORT, headers.TRACE, title="Report of an order"), correlation="ce_id"
)
ORDER_RESULT = _result("checkout.order-result.v1", "/partner/checkout/orders")
OFFERS = _fact("catalogue.offers.v1", "Offer", "The offer is withdrawn.")
PRICES = _fact("catalogue.prices.v1", "Price", "The price is gone.")
AVAILABILITY = _fact("catalogue.availability.v1", "Availability", "The availability is unknown.")
POLICIES = _fact("checkout.policies.v1", "Policy", "The policy is gone. The more general one applies.")
DEAD_LETTER = replace(
    _published("checkout.dead-letter.v1", headers.CLOUD_EVENT, headers.SCHEMA, headers.DEAD_LETTER),
    content_type="application/octet-stream",
)
