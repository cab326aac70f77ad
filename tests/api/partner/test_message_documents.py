"""The AsyncAPI document and the schemas of messages: open to everybody, cacheable, and as the files in docs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.asyncapi.document import asyncapi_document
from adapters.asyncapi.schemas import PUBLISHED
from adapters.settings import Settings
from adapters.system import release
from adapters.wire.schema_uris import schema_uri
from api.partner.message_documents import ASYNCAPI, SCHEMAS
from tests.api.service import ApiCaller, Service, problem, settings_in

CACHING = "public, max-age=3600"
EVENT = f"{SCHEMAS}/checkout.order-item-added.v1.json"


@pytest.fixture
def stranger(tmp_path: Path) -> ApiCaller:
    return Service(settings_in(tmp_path)).stranger()


async def test_anybody_reads_the_asyncapi_document(stranger: ApiCaller, settings: Settings) -> None:
    answer = await stranger.send("GET", ASYNCAPI)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == CACHING
    assert answer.json() == json.loads(json.dumps(asyncapi_document(settings, release())))


async def test_the_index_leads_to_every_schema(stranger: ApiCaller) -> None:
    listed = (await stranger.send("GET", SCHEMAS)).json()["schemas"]
    assert [each["name"] for each in listed] == [published.name for published in PUBLISHED]
    for each, published in zip(listed, PUBLISHED, strict=True):
        answer = await stranger.send("GET", each["path"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
        assert answer.headers["cache-control"] == CACHING
        assert answer.json() == published.schema()
        assert answer.json()["$id"] == each["uri"] == schema_uri(each["name"])
        assert each["description"] == published.schema()["description"]


@pytest.mark.parametrize("path", [ASYNCAPI, SCHEMAS, EVENT])
async def test_an_unchanged_document_is_a_304(stranger: ApiCaller, path: str) -> None:
    tag = (await stranger.send("GET", path)).headers["etag"]
    again = await stranger.send("GET", path, headers={"if-none-match": f'"x", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (tag, CACHING)
    other = await stranger.send("GET", path, headers={"if-none-match": '"x"'})
    assert (other.status_code, other.headers["etag"]) == (200, tag)


@pytest.mark.parametrize("path", [ASYNCAPI, SCHEMAS, EVENT])
async def test_a_head_has_the_headers_alone_and_other_methods_are_refused(stranger: ApiCaller, path: str) -> None:
    get, head = await stranger.send("GET", path), await stranger.send("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "cache-control", "content-length", "content-type"):
        assert head.headers[name] == get.headers[name]
    refused = await stranger.send("POST", path)
    assert problem(refused) == (405, "method_not_allowed")
    assert {each.strip() for each in refused.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "path",
    [
        "/schemas/",
        "/schemas/checkout.order-item-added.v1",
        "/schemas/checkout.order-item-added.v9.json",
        "/schemas/.json",
        "/schemas/a/b.json",
        "/schemas/%2e%2e%2fasyncapi.json",
        "/asyncapi",
        "/asyncapi.json/",
    ],
)
async def test_other_names_are_not_found(stranger: ApiCaller, path: str) -> None:
    assert problem(await stranger.send("GET", path)) == (404, "not_found")
