"""The OpenAPI 3.1 document of the partner API: made by FastAPI from stubs and models, completed with the limits and
names of the settings."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.utils import get_openapi

from adapters.settings import Settings
from adapters.wire.response_schemas import ProblemShape
from api.partner.openapi.examples import REQUESTS
from api.partner.openapi.members import describe_members
from api.partner.openapi.responses import PUBLIC_CALLS, Document, describe_public_responses, describe_responses
from api.partner.openapi.stubs import stub_routes

_DESCRIPTION = """\
Partner organisations initiate, update and validate baskets.

Every call needs a bearer token (a JWT) with the scope `partner` and a claim that names the organisation.
Errors are `application/problem+json` (RFC 9457) with a stable `code`. Other methods of a path get 405, and
unknown paths 404.

A request that exceeds a limit of size or time, or is not HTTP/1.1, gets 400, 408, 413, 414 or 431. If there are
too many connections it gets 503. The server then closes the connection.

**Limio.** This is Limio's Partner Checkout API and more. `x-origin` says of every call, parameter, header and
member whether it is Limio's (`limio`) or `ours`. Members that are not known here are ignored, and named in
`ignored`; unknown parameters of the query are passed over. `Prefer: handling=strict` refuses both. Only the list of
baskets refuses unknown parameters in any case.

**Concurrency.** `ETag` is the basket's version. With `If-Match`, a call applies only to that version. Without it,
the server resolves conflicts with other writers. With `If-None-Match: *`, an initiate only creates.

**Retries.** With an `Idempotency-Key`, initiate, update, validate and cancel run once, however often they are sent. A key
has one outcome, and a failed precondition is an outcome too. A new attempt needs a new key.
"""


def openapi_document(settings: Settings, version: str) -> Document:
    document = get_openapi(
        title="Partner Checkout",
        version=version,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        tags=[
            {"name": "checkout", "description": "Baskets of partner organisations."},
            {"name": "promises", "description": "What order services need to check promises offline."},
            {"name": "messages", "description": "What consumers and gateways need to know of the topics on Kafka."},
        ],
        routes=stub_routes(settings),
        separate_input_output_schemas=False,
    )
    components = document["components"]
    components["parameters"] = {}
    problem = ProblemShape.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= {**problem.pop("$defs"), "ProblemShape": problem}
    _set_limits(components["schemas"], settings)
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        call = operation["operationId"]
        if call in REQUESTS:
            operation["requestBody"]["content"]["application/json"]["examples"] = REQUESTS[call]
        describe = describe_public_responses if call in PUBLIC_CALLS else describe_responses
        operation["responses"] = describe(call, operation["responses"]["200"])
        _share_parameters(operation, components["parameters"], settings.landing_cookie)
    complete: Document = _without_suffix(document)
    describe_members(complete)
    return complete


def _set_limits(schemas: Document, settings: Settings) -> None:
    def member(model: str, name: str) -> Document:
        schema: Document = schemas[model]["properties"][name]
        return schema["anyOf"][0] if "anyOf" in schema else schema  # the other one is null

    member("OrderRequest", "orderItems")["maxItems"] = settings.max_items
    member("UpdateRequest", "orderItemActions")["maxItems"] = settings.max_actions
    for model in ("ItemRequest", "AddAction", "ChangeQuantityAction", "SwapAction"):
        member(model, "quantity")["maximum"] = settings.max_quantity


def _share_parameters(operation: Document, shared: Document, cookie: str) -> None:
    """Moves an operation's parameters to the components, under the titles that the stubs give them."""
    references = []
    for parameter in operation["parameters"]:
        if parameter["in"] == "cookie":
            parameter["name"] = cookie
        name = parameter["schema"]["title"]
        shared[name] = parameter
        references.append({"$ref": f"#/components/parameters/{name}"})
    operation["parameters"] = references


def _without_suffix(value: Any) -> Any:
    """The same with schemas called `Order`, not `OrderShape`: partners' generated clients know them so."""
    match value:
        case dict():
            return {str(key).removesuffix("Shape"): _without_suffix(entry) for key, entry in value.items()}
        case list():
            return [_without_suffix(entry) for entry in value]
        case str() if value.startswith("#/components/schemas/"):
            return value.removesuffix("Shape")
        case _:
            return value
