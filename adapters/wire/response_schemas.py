"""The schemas of responses and published messages, which callers and consumers rely on. They only describe:
`domain/basket/serialization.py` makes the documents, and tests validate them. Class names stand in published schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue

from adapters.wire.base_schemas import MoneyShape, PriceShape, ResponseSchema
from adapters.wire.finding_schemas import FindingShape, IncludedFindings, PassedShape, RemedyShape
from adapters.wire.known_members import MAX_IGNORED
from domain.basket.commands import ActionKind, ActionStatus
from domain.basket.events import BasketStatus, CountrySource
from domain.basket.orders import OrderOutcome, OrderRefusal, OrderStatus
from domain.shared.values import BasketId, OrderItemType


class ProductShape(ResponseSchema):
    """A product that an offer is made of."""

    product_code: str
    """The product's code."""
    path: str | None
    """Where the product is shown."""
    quantity: int = 1
    """How many of the product one offer needs."""


class OfferShape(ResponseSchema):
    """An offer version as it was known when the line was added; name, path and products may be unknown."""

    id: str
    """The offer's id."""
    version: str
    """The offer's version."""
    name: str | None
    """The offer's name; null if the catalogue did not know it."""
    path: str | None
    """Where the offer was shown."""
    products: list[ProductShape]
    """The products that the offer was made of; one that is listed twice counts twice."""


class OrderItemShape(ResponseSchema):
    """A line. An unpriced one has neither price nor total."""

    id: str
    """The line's id, unique within the basket."""
    type: OrderItemType
    """Whether the line is an offer or an add-on to one."""
    parent_id: str | None
    """The line that an add-on hangs under."""
    quantity: Annotated[int, Field(ge=1)]
    """How many of the offer."""
    offer: OfferShape
    """The offer version, as it was known when the line was added."""
    price: PriceShape | None
    """The price of one, as it was known when the line was added."""
    expected_price: PriceShape | None = None
    """The price of one that the caller expects, if it gave one. `interval` is left out if the caller left
    it out; null means once."""
    line_total: MoneyShape | None
    """The price of all of the line, for the interval of its price."""


class MarketShape(ResponseSchema):
    """Where the basket is sold, as prices, availability and countries of offers are judged."""

    country: str | None
    """The country of eligibility, ISO 3166-1 alpha-2; null if the order names none."""
    source: CountrySource | None
    """The detail that names it; null if none does."""


class OrderShape(ResponseSchema):
    """A basket as callers see it."""

    id: BasketId
    """The basket's id."""
    external_id: Annotated[str | None, Field(alias="external_id")]
    """The organisation's own id of the order."""
    status: BasketStatus
    """Whether the basket still takes changes, or how it ended."""
    version: Annotated[int, Field(ge=1)]
    """Counts every event of the basket; `ETag` bears it."""
    country: str | None
    """Where the basket is sold, ISO 3166-1 alpha-2."""
    currency: str | None
    """The currency of the basket, ISO 4217."""
    market: MarketShape | None = None
    """The country of eligibility, and which detail names it."""
    source: str | None
    """Where the basket came from, in the organisation's own words."""
    order_type: Annotated[str | None, Field(alias="order_type")]
    """The kind of order, in the organisation's own words."""
    tracking: dict[str, JsonValue]
    """The organisation's own, kept as it came."""
    custom_fields: dict[str, JsonValue]
    """The organisation's own, kept as it came."""
    data_subject: str | None = None
    """Whose personal data the order holds: the organisation's pseudonymous id of the person."""
    customer_details: Annotated[dict[str, JsonValue], Field(default_factory=dict)]
    """Who buys: personal data. Empty if the request had none, or if the data was erased."""
    billing_details: Annotated[dict[str, JsonValue], Field(default_factory=dict)]
    """Who pays, and where: personal data."""
    delivery_details: Annotated[dict[str, JsonValue], Field(default_factory=dict)]
    """Where it is sent: personal data."""
    order_items: list[OrderItemShape]
    """The lines."""
    totals: Annotated[list[PriceShape], Field(default_factory=list)]
    """The sums of the priced lines: one for each interval and currency, once first, then by the interval's length."""
    total: MoneyShape | None
    """The sum of all lines; null if a line is unpriced, or if intervals or currencies are mixed."""
    payable: MoneyShape | None = None
    """What can be charged: `total` rounded half up to the currency's minor unit (ISO 4217); null if `total` is."""
    created: AwareDatetime
    """When the basket began."""
    modified: AwareDatetime
    """When the last thing happened to the basket."""
    expires_at: AwareDatetime
    """When the basket expires, unless an order is placed."""


class LenientAnswer(ResponseSchema):
    """What the answer to a body or message says of members that are not known here."""

    ignored: Annotated[list[str], Field(default_factory=list, max_length=MAX_IGNORED)]
    """The members that are not known here and were not kept, as RFC 6901 pointers: of each the topmost. Left out if
    everything is known."""
    ignored_more: Annotated[int, Field(default=0, ge=0)]
    """How many more were ignored. Left out if `ignored` names all."""


class InitiateAnswer(IncludedFindings, LenientAnswer):
    """The basket that was created or updated."""

    id: BasketId
    """The basket's id."""


class OrderAnswer(IncludedFindings):
    """A basket."""

    id: BasketId
    """The basket's id."""
    order: OrderShape
    """The basket as it is."""


class BasketStateShape(ResponseSchema):
    """A basket as it was after one request, for readers who want state and not history."""

    id: BasketId
    """The basket's id."""
    order: OrderShape
    """The basket as it was then; `order.version` counts the events that led to it."""


class CancelAnswer(LenientAnswer):
    """The basket that was cancelled."""

    id: BasketId
    """The basket's id."""
    order: OrderShape
    """The basket as it is."""


class BasketSummaryShape(ResponseSchema):
    """A basket in a list. It holds no personal data."""

    id: BasketId
    """The basket's id."""
    external_id: Annotated[str | None, Field(alias="external_id")]
    """The organisation's own id of the order."""
    status: BasketStatus
    """Whether the basket still takes changes, or how it ended."""
    version: Annotated[int, Field(ge=1)]
    """The version that the entry shows."""
    country: str | None
    """The order's country, ISO 3166-1 alpha-2."""
    currency: str | None
    """The currency of the basket, ISO 4217."""
    market: MarketShape
    """The market that the order is judged for."""
    totals: list[PriceShape]
    """The order's `totals`."""
    total: MoneyShape | None
    """The order's `total`."""
    payable: MoneyShape | None
    """The order's `payable`."""
    lines: Annotated[int, Field(ge=0)]
    """How many lines the basket has."""
    ready: bool | None
    """What the last verdict said; null if there was none. Later changes may have made it untrue."""
    created: AwareDatetime
    """When the basket began."""
    modified: AwareDatetime
    """When the last thing happened to the basket, also a verdict."""
    expires_at: AwareDatetime
    """When the basket expires, unless an order is placed."""


class BasketListAnswer(ResponseSchema):
    """A page of the organisation's own baskets."""

    baskets: Annotated[list[BasketSummaryShape], Field(max_length=100)]
    """At most `limit` baskets. A page that is not the last may have fewer, even none."""
    next: str | None
    """Leads to the next page as the parameter `cursor`, with the same filters. Null: this is the last page."""


class ActionResultShape(ResponseSchema):
    """What one action did."""

    index: Annotated[int, Field(ge=0)]
    """The action's place in the request, counted from 0."""
    order_item_action_type: ActionKind
    """The kind of action; more may come."""
    status: ActionStatus
    """Whether the action changed anything."""
    order_item_id: str | None
    """The line of the action; null for `clear` and `update_details`."""
    before: Annotated[int, Field(ge=0)] | None
    """The line's quantity before, 0 if there was no line. `clear`: the number of lines. `update_details`: null."""
    after: Annotated[int, Field(ge=0)] | None
    """The line's quantity now, 0 if there is no line. `clear`: 0. `update_details`: null."""
    removed_order_item_ids: list[str]
    """Every line that left: an offer takes its add-ons along, and a swap those that the new offer does not carry."""


class UpdateAnswer(IncludedFindings, LenientAnswer):
    """What an update did."""

    id: BasketId
    """The basket's id."""
    order: OrderShape
    """The basket as it is now."""
    action_results: list[ActionResultShape]
    """What each action did, in the order of the request."""


class ValidateAnswer(ResponseSchema):
    """A verdict on a basket, whole."""

    id: BasketId
    """The basket's id."""
    checkout: OrderShape
    """The basket as it was validated."""
    ready: bool
    """Whether the basket may become an order: no finding is an error."""
    blocked_products: list[FindingShape]
    """The findings about products."""
    validation_errors: list[FindingShape]
    """The findings about everything else."""
    basket_version: Annotated[int, Field(ge=1)]
    """The version that was validated."""
    validated_at: AwareDatetime
    """When it was validated."""
    evidence: list[str]
    """The ids of the catalogue's and policies' facts that the verdict rests on."""
    passed: Annotated[list[PassedShape], Field(default_factory=list)]
    """The checks that found nothing. One that neither found anything nor is here was turned off or crashed."""
    promise: Annotated[str | None, Field(default=None)]
    """That the basket is ready, signed: a compact JWS (EdDSA) that order services check offline with the keys at
    `/.well-known/jwks.json`. Null if the basket is not ready, or if there was no key to sign with."""
    remedy: Annotated[RemedyShape | None, Field(default=None)]
    """What mends the basket. Null if nothing is an error, or if only the seller or time can help."""


class PromiseKeyShape(ResponseSchema):
    """A public key that promises are signed with, as RFC 8037 has it."""

    kty: Literal["OKP"]
    """The kind of key."""
    crv: Literal["Ed25519"]
    """The curve."""
    x: str
    """The key, 32 bytes in base64url."""
    kid: str
    """The key's id, its thumbprint (RFC 7638). The header of a promise names it."""
    use: Literal["sig"]
    """The key only verifies signatures."""
    alg: Literal["EdDSA"]
    """The only algorithm of the key."""


class PromiseKeysAnswer(ResponseSchema):
    """The published keys of promises, a JWK set (RFC 7517)."""

    keys: list[PromiseKeyShape]
    """Those that sign, those that will, and retired ones whose promises may still be valid. Empty where this service
    signs none."""


class MessageSchemaShape(ResponseSchema):
    """A published JSON Schema of messages on Kafka."""

    name: str
    """The type of the messages (`ce_type`), or their topic where they need no type."""
    uri: str
    """The schema's `$id`, which messages name in `ce_dataschema`."""
    path: str
    """Where this service serves the schema."""
    description: str
    """What the messages say."""
    writer: Literal["checkout", "others"]
    """Who writes the messages: this service, or others."""


class MessageSchemasAnswer(ResponseSchema):
    """The published JSON Schemas of messages on Kafka."""

    schemas: list[MessageSchemaShape]
    """Each schema, in no promised order."""


class CommandResultShape(ResponseSchema):
    """The result of a command that a gateway queued."""

    command_id: str
    """The command's id, its `ce_id`."""
    status: Annotated[int, Field(ge=200, le=599)]
    """The HTTP status of the response."""
    headers: dict[str, str]
    """The HTTP headers of the response, such as `etag`."""
    body: JsonValue
    """The HTTP body: a response of the API, or an RFC 9457 problem document."""


class OrderResultShape(LenientAnswer):
    """What became of an order service's report that an order was placed or rejected."""

    basket_id: BasketId
    """The basket that the report names."""
    order_id: str
    """The order that the report names."""
    status: OrderStatus
    """What the report says of the order."""
    outcome: OrderOutcome
    """What became of the basket; refused: the report had no effect."""
    code: OrderRefusal | None
    """Why it was refused; null if it was not."""
    message: str | None
    """The code in words, for people."""
    basket_version: Annotated[int, Field(ge=1)] | None
    """The version that the report names, itself or by its promise."""
    current_version: Annotated[int, Field(ge=1)] | None
    """The basket's version when the report was settled, after it; null if there is no such basket."""
    partner: str | None
    """The basket's organisation; null if there is no such basket."""
    decided_at: AwareDatetime
    """When the report was settled."""


class ProblemError(ResponseSchema):
    """One thing that is wrong with a request's body."""

    pointer: str
    """Where in the body, as an RFC 6901 JSON pointer; for a list of baskets, `/` and the parameter of the query."""
    code: str
    """What is wrong; codes are stable."""
    message: str
    """What is wrong, in words."""


class ProblemDocument(ResponseSchema):
    """RFC 9457. `code` is stable; words may change."""

    type: str
    """Names the kind of problem; made of the code."""
    title: str
    """The kind of problem in words."""
    status: Annotated[int, Field(ge=400, le=599)]
    """The answer's status."""
    detail: str
    """This problem in words."""
    message: str
    """The same as `detail`, for clients of Limio's API."""
    code: str
    """The kind of problem; codes are stable."""
    errors: Annotated[list[ProblemError], Field(default_factory=list)]
    """What is wrong with the body, each with its place."""


class ProblemShape(ProblemDocument):
    """RFC 9457. `code` is stable; words may change."""

    version: Annotated[int | None, Field(default=None)]
    """409 and 412: the basket's version."""
    order: Annotated[OrderShape | None, Field(default=None)]
    """409: the order as it is."""
    basket_status: Annotated[BasketStatus | None, Field(default=None)]
    """409: why it takes no changes."""
