"""Says of every call, parameter, header and member whether it is Limio's or ours (`x-origin`), and gives every member an
example: from the examples of the bodies, so that it is what the service really reads and answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from adapters.wire.example_requests import BASKET_ID, ITEM_ID

Document = dict[str, Any]
Origin = Literal["limio", "ours"]

_DETAILS = frozenset(
    {
        *("external_id", "country", "source", "order_type", "tracking", "customFields"),
        *("customerDetails", "billingDetails", "deliveryDetails"),
    }
)
_LINE = frozenset({"offer", "quantity", "type", "parentId"})

LIMIO_CALLS = frozenset({"initiate", "update", "validate"})
LIMIO_PARAMETERS = frozenset({"LandingState", "RequiredLandingState", "BasketId"})
LIMIO_HEADERS = frozenset({"Set-Cookie"})
LIMIO_MEMBERS: dict[str, frozenset[str]] = {
    "InitiateRequest": frozenset({"order"}),
    "OrderRequest": _DETAILS | {"orderItems", "checkoutId"},
    "DetailsRequest": _DETAILS,
    "ItemRequest": _LINE,
    "OfferRequest": frozenset({"id", "version"}),
    "UpdateRequest": frozenset({"orderItemActions"}),
    "AddAction": _LINE | {"orderItemActionType"},
    "RemoveAction": frozenset({"orderItemActionType", "id"}),
    "ChangeQuantityAction": frozenset({"orderItemActionType", "id", "quantity"}),
    "InitiateAnswer": frozenset({"id"}),
    "UpdateAnswer": frozenset({"id", "order", "actionResults"}),
    "ValidateAnswer": frozenset({"id", "checkout", "ready", "blockedProducts", "validationErrors"}),
    "Order": _DETAILS | {"orderItems"},
    "OrderItem": _LINE | {"id"},
    "Offer": frozenset({"id", "version", "name", "path", "products"}),
    "Product": frozenset({"productCode", "path"}),
    "Problem": frozenset({"message"}),
}
"""By schema, the members of Limio's published Partner Checkout API. All others are ours."""

_MONEY = {"amount": "10.00", "currency": "GBP"}
_EXAMPLES: dict[str, Any] = {
    "ignored": ["/order/orderItems/0/offer/name", "/order/orderItems/0/offer/path"],
    "ignoredMore": 12,
    "id": ITEM_ID,
    "version": "v-2",
    "offer": {"id": "o-1", "version": "v-2"},
    "quantity": 2,
    "parentId": ITEM_ID,
    "expectedPrice": _MONEY,
    "source": "shop",
    "order_type": "new",
    "dataSubject": "p-48213",
    "ready": True,
    "total": _MONEY,
    "remaining": ["price_expires_soon"],
    "codes": ["price_changed"],
    "evidence": ["price/o-1/v-1/*/GBP/*#1"],
    "ifMatch": '"7"',
    "orderItemActions": [{"orderItemActionType": "remove", "id": ITEM_ID}],
    "leadsTo": {"ready": True, "total": _MONEY, "remaining": []},
    "remedy": {
        "ifMatch": '"7"',
        "orderItemActions": [{"orderItemActionType": "remove", "id": ITEM_ID}],
        "leadsTo": {"ready": True, "total": _MONEY, "remaining": []},
    },
    "promise": "eyJhbGciOiJFZERTQSIsImtpZCI6ImstMSJ9.eyJiYXNrZXRJZCI6ImJhc2tldC0xIn0.c2lnbmF0dXJl",
}
"""By name, the examples of members that no body shows."""

_PARAMETER_EXAMPLES = {
    "IdempotencyKey": "1f0f4a52-2b0d-4d6e-9b61-7a4f8c9d2e10",
    "KeysIfNoneMatch": '"kPrK_qmx"',
    "DocumentIfNoneMatch": '"kPrK_qmx"',
    "StatusFilter": "open",
    "Abandoned": True,
    "PageLimit": 50,
    "Include": "findings",
}
_HEADER_EXAMPLES = {
    "ETag": '"4"',
    "Retry-After": "1",
    "Set-Cookie": f"landing_state=%7B%22basketId%22%3A%22{BASKET_ID}%22%7D; HttpOnly; Max-Age=1209600; Path=/",
    "Accept-Encoding": "identity",
    "WWW-Authenticate": 'Bearer realm="partner-checkout", error="invalid_token"',
    "Idempotent-Replayed": "true",
    "Preference-Applied": "handling=lenient",
    "Cache-Control": "public, max-age=300",
    "X-Correlation-Id": "4bf92f3577b34da6a3ce929d0e0e4736",
}

_WORDS: dict[Origin, str] = {
    "limio": "Part of Limio's Partner Checkout API.",
    "ours": "Ours: Limio's Partner Checkout API has no such call.",
}


def describe_members(document: Document) -> None:
    """Completes the document in place."""
    schemas = document["components"]["schemas"]
    for call in _calls(document):
        _set_origin(call, call["operationId"] in LIMIO_CALLS)
        origin: Origin = call["x-origin"]
        call["description"] = f"{call['description']}\n\n{_WORDS[origin]}"
        for response in call["responses"].values():
            for name, header in response.get("headers", {}).items():
                _set_origin(header, name in LIMIO_HEADERS)
                if name in _HEADER_EXAMPLES:
                    header["example"] = _HEADER_EXAMPLES[name]
        for schema, example in _examples(call):
            _give_examples(schemas, schema, example)
    for name, parameter in document["components"]["parameters"].items():
        _set_origin(parameter, name in LIMIO_PARAMETERS)
        if name in _PARAMETER_EXAMPLES:
            parameter.setdefault("example", _PARAMETER_EXAMPLES[name])
    for name, schema in schemas.items():
        for member, described in schema.get("properties", {}).items():
            _set_origin(described, member in LIMIO_MEMBERS.get(name, ()))
            _give_listed_example(described)
            if member in _EXAMPLES:
                described.setdefault("examples", [_EXAMPLES[member]])


def _calls(document: Document) -> Iterator[Document]:
    return (call for path in document["paths"].values() for call in path.values())


def _set_origin(described: Document, is_limios: bool) -> None:
    described["x-origin"] = "limio" if is_limios else "ours"


def _examples(call: Document) -> Iterator[tuple[Document, Any]]:
    """Each example body of a call, with its schema."""
    contents = [response.get("content", {}) for response in call["responses"].values()]
    if "requestBody" in call:
        contents.insert(0, call["requestBody"]["content"])
    for media in (media for content in contents for media in content.values()):
        for example in [each["value"] for each in media.get("examples", {}).values()]:
            yield media["schema"], example
        if "example" in media:
            yield media["schema"], media["example"]


def _give_examples(schemas: Document, schema: Document, example: Any) -> None:
    """Walks a body and its schema side by side. The first value of a member that is not null is its example."""
    for each in _variants(schemas, schema):
        if isinstance(example, list) and "items" in each:
            for entry in example:
                _give_examples(schemas, each["items"], entry)
        if not isinstance(example, dict) or not _is_meant(each, example):
            continue
        for name, described in each.get("properties", {}).items():
            if example.get(name) is not None:
                described.setdefault("examples", [example[name]])
                _give_examples(schemas, described, example[name])


def _variants(schemas: Document, schema: Document) -> Iterator[Document]:
    """The schema itself and what it refers to or chooses from."""
    if "$ref" in schema:
        yield from _variants(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    else:
        yield schema
        for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from _variants(schemas, choice)


def _is_meant(schema: Document, example: Document) -> bool:
    """Whether the constants of the schema are those of the example: they tell variants apart."""
    return all(
        example.get(name) == described["const"]
        for name, described in schema.get("properties", {}).items()
        if "const" in described
    )


def _give_listed_example(described: Document) -> None:
    """An example from the schema's own words, where no body has one."""
    for each in (described, *described.get("anyOf", ())):
        listed = [each["const"]] if "const" in each else each.get("examples") or each.get("enum", [])[:1]
        if listed:
            described.setdefault("examples", listed)
