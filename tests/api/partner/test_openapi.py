"""The OpenAPI document: valid, complete, and what the calls keep to. Every answer of the other tests here
is held against it too (`conformity.py`)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.settings import Settings
from adapters.wire.problems import PROBLEM_TYPES
from api.partner.message_documents import ASYNCAPI, SCHEMA, SCHEMAS
from api.partner.openapi.document import openapi_document
from api.partner.openapi.members import LIMIO_MEMBERS
from api.partner.promise_keys import JWKS
from tests.api.partner.conformity import Conformity
from tests.api.partner.openapi_fuzzing import fuzz, memory_server
from tests.api.service import INITIATE, LIST, UPDATE, ApiCaller

Document = dict[str, Any]
VALIDATE, ORDER = "/partner/checkout/validate/{id}", "/partner/checkout/{id}"
PUBLIC = {JWKS, ASYNCAPI, SCHEMAS, SCHEMA}
CANCEL = "/partner/checkout/cancel/{id}"


@pytest.fixture
def document(settings: Settings) -> Document:
    return openapi_document(settings, "1.2.3")


def operations(document: Document) -> list[Document]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_it_is_a_valid_document_of_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


async def test_it_is_served_to_everybody_with_a_page_that_shows_it(shop: ApiCaller, document: Document) -> None:
    served = await shop.service.stranger().send("GET", "/openapi.json")
    assert served.json()["paths"] == document["paths"]
    page = await shop.service.stranger().send("GET", "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "openapi.json" in page.text
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(loaded) >= 2
    for address in loaded:
        assert (await shop.service.stranger().send("GET", f"/{address}")).status_code == 200


def test_it_has_every_call(document: Document) -> None:
    assert {path: set(methods) for path, methods in document["paths"].items()} == {
        LIST: {"get"},
        INITIATE: {"post"},
        UPDATE: {"put"},
        VALIDATE: {"post"},
        CANCEL: {"post"},
        ORDER: {"get"},
        JWKS: {"get"},
        ASYNCAPI: {"get"},
        SCHEMAS: {"get"},
        SCHEMA: {"get"},
    }


def test_every_call_on_baskets_needs_the_token_with_the_scope(document: Document) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation.get("security") == (None if path in PUBLIC else [{"partnerToken": ["partner"]}])
    scheme = document["components"]["securitySchemes"]["partnerToken"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert "partner_org" in scheme["description"]


EVERY = {"200", "401", "403", "404", "422", "500", "503"}


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        (INITIATE, "post", EVERY | {"400", "409", "412", "413", "415"}),
        (UPDATE, "put", EVERY | {"400", "409", "412", "413", "415"}),
        (VALIDATE, "post", EVERY | {"400", "409", "412"}),
        (ORDER, "get", EVERY | {"304", "400", "412"}),
        (JWKS, "get", {"200", "304", "500"}),
        (ASYNCAPI, "get", {"200", "304", "500"}),
        (SCHEMAS, "get", {"200", "304", "500"}),
        (SCHEMA, "get", {"200", "304", "404", "500"}),
        (LIST, "get", EVERY - {"404"}),
    ],
)
def test_it_describes_every_status(document: Document, path: str, method: str, statuses: set[str]) -> None:
    assert set(document["paths"][path][method]["responses"]) == statuses


def test_every_problem_that_a_call_can_meet_has_an_example(document: Document) -> None:
    shown = {
        code
        for operation in operations(document)
        for status, response in operation["responses"].items()
        if status != "200"
        for media in response.get("content", {}).values()
        for code in media.get("examples", {})
    }
    answered_without_a_call = {"method_not_allowed", "unavailable"}
    assert shown == {kind.code for kind in PROBLEM_TYPES.values()} - answered_without_a_call | {"internal_error"}


def test_every_example_is_as_its_schema_says(document: Document) -> None:
    conformity = Conformity(document)
    checked = 0
    for operation in operations(document):
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        if "requestBody" in operation:
            contents.append(operation["requestBody"]["content"])
        for content in contents:
            for media in content.values():
                examples = [example["value"] for example in media.get("examples", {}).values()]
                for example in [*examples, *([media["example"]] if "example" in media else [])]:
                    conformity.validate(example, media["schema"])
                    checked += 1
    assert checked > 40


def test_the_limits_are_those_of_the_settings(settings: Settings) -> None:
    tight = settings.model_copy(update={"max_items": 5, "max_actions": 3, "max_quantity": 7})
    schemas = openapi_document(tight, "1")["components"]["schemas"]
    assert schemas["OrderRequest"]["properties"]["orderItems"]["anyOf"][0]["maxItems"] == 5
    assert schemas["UpdateRequest"]["properties"]["orderItemActions"]["maxItems"] == 3
    for name in ("ItemRequest", "AddAction"):
        assert schemas[name]["properties"]["quantity"]["anyOf"][0]["maximum"] == 7
        assert schemas[name]["properties"]["quantity"]["anyOf"][0]["minimum"] == 1
    assert schemas["ChangeQuantityAction"]["properties"]["quantity"]["maximum"] == 7
    assert schemas["ChangeQuantityAction"]["properties"]["quantity"]["minimum"] == 0


def test_only_what_the_contract_requires_is_required(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["InitiateRequest"]["required"] == ["order"]
    assert "required" not in schemas["OrderRequest"]
    assert schemas["ItemRequest"]["required"] == ["offer"]
    assert sorted(schemas["OfferRequest"]["required"]) == ["id", "version"]


def test_every_call_parameter_header_and_member_says_whose_it_is_and_shows_an_example(document: Document) -> None:
    components, calls = document["components"], operations(document)
    headers = [
        (name, header)
        for call in calls
        for response in call["responses"].values()
        for name, header in response.get("headers", {}).items()
    ]
    members = [
        (f"{name}.{member}", described)
        for name, schema in components["schemas"].items()
        for member, described in schema.get("properties", {}).items()
    ]
    parameters = [*components["parameters"].items()]
    for name, described in [*headers, *members, *parameters, *((call["operationId"], call) for call in calls)]:
        assert described["x-origin"] in ("limio", "ours"), name
        assert described["description"], name
    for name, described in [*headers, *members, *parameters]:
        assert described.keys() & {"example", "examples"}, f"{name} has no example (api/partner/openapi/members.py)"
    assert {call["operationId"] for call in calls if call["x-origin"] == "limio"} == {"initiate", "update", "validate"}
    of_limio = {name for name, described in members if described["x-origin"] == "limio"}
    assert of_limio == {f"{schema}.{name}" for schema, names in LIMIO_MEMBERS.items() for name in names}


def test_every_members_example_is_as_its_schema_says(document: Document) -> None:
    conformity = Conformity(document)
    for name, schema in document["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            for example in described.get("examples", ()):
                conformity.validate(example, {"$ref": f"#/components/schemas/{name}/properties/{member}"})


def test_the_cookies_name_is_that_of_the_settings(settings: Settings) -> None:
    named = openapi_document(settings.model_copy(update={"landing_cookie": "where"}), "1")
    assert named["components"]["parameters"]["LandingState"]["name"] == "where"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fed", [True, False])
def test_no_made_up_request_makes_it_fail_or_answer_outside_the_document(fed: bool) -> None:
    with memory_server() as (target, counting):
        run = fuzz(target, 15, fed=fed, phases="examples,coverage,fuzzing")
    assert run.returncode == 0, run.stdout
    assert counting.answers.total() > 300
    # The document's own example of `If-Match` makes an initiate a 412, whether baskets are there or not.
    assert {200, 400, 401, 412, 422} <= set(counting.answers)
    assert set(counting.answers) <= {200, 304, 400, 401, 404, 405, 409, 412, 413, 415, 422}
