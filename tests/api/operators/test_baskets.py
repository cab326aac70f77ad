"""Baskets, their history and their verdicts in the operator API."""

from __future__ import annotations

import httpx
import pytest

from adapters.wire.responses import render
from domain.basket.basket import Basket
from domain.basket.codec import decode_all
from domain.operators.history.basket_json import basket_json
from domain.shared.eventsourcing import fold
from tests.api.operators.operator_api import OperatorApiFixture
from tests.api.service import problem
from tests.builders import add, availability, basket_id, caller, cancel, change, item, offer, price


@pytest.fixture(scope="module")
async def basket(api: OperatorApiFixture) -> str:
    """A basket validated, changed, and validated again when less is available."""
    await api.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=50, sequence=1))
    id = await api.fill(item("o-1", 2), external_id="EXT-1")
    await api.validate(id)
    line = (await api.container.basket_history.at_version(id, 2)).basket.items
    await api.change(id, change(next(iter(line)), 9), add("o-2"))
    await api.record(availability("SKU-1", quantity=5, sequence=2))
    await api.validate(id)
    return id


async def test_every_version_is_the_fold_of_its_events(
    api: OperatorApiFixture, operator: httpx.AsyncClient, basket: str
) -> None:
    stored = await api.container.event_store.read_events(basket)
    assert len(stored) == 6
    folded: Basket | None = None
    for event in stored:
        folded = fold(folded, decode_all(b"[" + event.data + b"]"))
        assert folded is not None
        shown = (await operator.get(f"/baskets/{basket}", params={"version": event.version})).json()
        shown.pop("lastVerdict")
        assert shown == basket_json(folded)


async def test_a_basket_is_shown_as_of_a_time(operator: httpx.AsyncClient, basket: str) -> None:
    entries = (await operator.get(f"/baskets/{basket}/history")).json()["entries"]
    then = (await operator.get(f"/baskets/{basket}", params={"asOf": entries[2]["occurredAt"]})).json()
    assert then["version"] >= 3
    assert then["lastVerdict"]["ready"] is True
    early = await operator.get(f"/baskets/{basket}", params={"asOf": "2001-01-01T00:00:00Z"})
    assert problem(early) == (404, "nothing_then")


@pytest.mark.parametrize("text", ["20991231", "1700000000", "2026-01-01", "2026-01-01T00:00:00"])
async def test_times_must_be_rfc_3339_with_an_offset(operator: httpx.AsyncClient, basket: str, text: str) -> None:
    for path, name in (
        (f"/baskets/{basket}", "asOf"),
        ("/baskets", "createdFrom"),
        ("/baskets", "modifiedUntil"),
        ("/audit", "before"),
    ):
        answer = await operator.get(path, params={name: text})
        assert (path, problem(answer)) == (path, (422, "invalid_request"))
        assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"


async def test_a_version_and_a_time_exclude_each_other(operator: httpx.AsyncClient, basket: str) -> None:
    both = await operator.get(f"/baskets/{basket}", params={"version": 1, "asOf": "2026-01-01T00:00:00Z"})
    assert problem(both) == (422, "invalid_request")


async def test_history_is_paged_and_described(operator: httpx.AsyncClient, basket: str) -> None:
    path = f"/baskets/{basket}/history"
    first = (await operator.get(path, params={"limit": 4})).json()
    rest = (await operator.get(path, params={"afterVersion": first["nextAfterVersion"]})).json()
    assert [entry["version"] for entry in first["entries"] + rest["entries"]] == [1, 2, 3, 4, 5, 6]
    assert rest["nextAfterVersion"] is None
    assert first["entries"][3]["words"] == "quantity of o-1 v-1 from 2 to 9"


async def test_differences_show_what_changed_between_two_versions(operator: httpx.AsyncClient, basket: str) -> None:
    path = f"/baskets/{basket}/differences"
    found = (await operator.get(path, params={"from": 3, "to": 4})).json()["differences"]
    assert ("changed", 2, 9) in {
        (each["kind"], each["before"], each["after"]) for each in found if "quantity" in each["path"]
    }
    same = (await operator.get(path, params={"from": 2, "to": 2})).json()
    assert same["differences"] == []


async def test_a_verdict_is_shown_with_the_content_of_its_facts(operator: httpx.AsyncClient, basket: str) -> None:
    listed = (await operator.get(f"/baskets/{basket}/verdicts")).json()["verdicts"]
    assert [(each["version"], each["ready"]) for each in listed] == [(3, True), (6, False)]
    verdict = (await operator.get(f"/baskets/{basket}/verdicts/6")).json()
    assert {*verdict["facts"]} == {*verdict["evidence"]}
    assert "product_insufficient_stock" in verdict["findingCodes"]
    short = next(each for each in verdict["blockedProducts"] if each["code"] == "product_insufficient_stock")
    assert "availability/SKU-1/*/*#2" in short["evidence"]
    assert verdict["facts"]["availability/SKU-1/*/*#2"]["quantity"] == 5
    assert problem(await operator.get(f"/baskets/{basket}/verdicts/4")) == (404, "nothing_then")


async def test_baskets_are_found_page_by_page(api: OperatorApiFixture, operator: httpx.AsyncClient) -> None:
    ids = [await api.fill(item("o-7"), partner="pages") for _ in range(5)]
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        asked: dict[str, str | int] = {"partner": "pages", "limit": 2}
        if cursor is not None:
            asked["cursor"] = cursor
        page = (await operator.get("/baskets", params=asked)).json()
        found += [each["basketId"] for each in page["baskets"]]
        cursor = page["nextCursor"]
    assert found == [*reversed(ids)]
    assert cursor is None
    other = {
        "partner": "others",
        "cursor": (await operator.get("/baskets", params={"limit": 1})).json()["nextCursor"],
    }
    assert problem(await operator.get("/baskets", params=other)) == (422, "invalid_page")


async def test_all_search_conditions_must_match(operator: httpx.AsyncClient, basket: str) -> None:
    said = {"externalId": "EXT-1", "findingCode": "product_insufficient_stock", "product": "SKU-1"}
    assert [each["basketId"] for each in (await operator.get("/baskets", params=said)).json()["baskets"]] == [basket]
    assert (await operator.get("/baskets", params={**said, "status": "completed"})).json()["baskets"] == []
    assert problem(await operator.get("/baskets", params={"status": "lost"})) == (422, "invalid_request")


async def test_a_verification_folds_the_basket(operator: httpx.AsyncClient, basket: str) -> None:
    verified = (await operator.get(f"/baskets/{basket}/verification")).json()
    assert (verified["events"], verified["equal"], verified["drifts"]) == (6, True, [])


@pytest.mark.parametrize(
    "path", ["", "/history", "/verdicts", "/verdicts/1", "/differences?from=1&to=2", "/verification"]
)
async def test_an_unknown_basket_is_not_found(operator: httpx.AsyncClient, path: str) -> None:
    assert problem(await operator.get(f"/baskets/{basket_id(99)}{path}")) == (404, "basket_not_found")
    assert problem(await operator.get(f"/baskets/no-basket{path}")) == (422, "invalid_request")


async def test_an_erasure_needs_a_reason_and_the_basket_id_again(
    api: OperatorApiFixture, operator: httpx.AsyncClient
) -> None:
    id = await api.fill(item("o-1"), tracking={"session": "a81f"})
    path = f"/baskets/{id}/forget"
    assert problem(await operator.post(path, json={"confirm": id})) == (422, "invalid_request")
    unsure = await operator.post(path, json={"confirm": basket_id(1), "reason": "asked to"})
    assert problem(unsure) == (422, "not_confirmed")
    done = await operator.post(path, json={"confirm": id, "reason": "asked to"})
    assert (done.status_code, done.json()["basketIds"]) == (200, [id])
    assert (await operator.get(f"/baskets/{id}")).json()["tracking"] == {}
    newest = (await operator.get("/audit", params={"limit": 1})).json()["actions"][0]
    assert newest["type"] == "operations.personal-data-forgotten.v1"
    assert newest["operator"] == {"actor": "ada@operations", "way": "api", "reason": "asked to"}


async def test_control_characters_are_escaped_in_responses(
    api: OperatorApiFixture, operator: httpx.AsyncClient
) -> None:
    evil = "a\x9b2J\u202eb"
    id = await api.fill(item("o-7"), external_id=evil, tracking={evil: evil})
    for path in (f"/baskets/{id}", f"/baskets/{id}/history", "/baskets?partner=acme"):
        answer = await operator.get(path)
        assert answer.status_code == 200
        assert "\x9b" not in answer.text
        assert "\u202e" not in answer.text
        assert evil in str(answer.json()) or repr(evil)[1:-1] in str(answer.json())


async def test_a_basket_in_the_archive_is_named_with_the_command_that_brings_it_back(
    api: OperatorApiFixture, operator: httpx.AsyncClient
) -> None:
    id = await api.fill(item("o-1"), partner="store-9")
    searched = (await operator.get("/baskets", params={"partner": "store-9"})).json()
    assert (len(searched["baskets"]), searched["moreInArchive"]) == (1, False)
    await api.container.handlers.cancel(cancel(id), caller("store-9"), render)
    await api.container.projection.refold(id)
    version = len(await api.container.event_store.read_events(id))
    assert await api.container.archive_index.move("file-1", {id: version}) == {id}
    for path in ("", "/history", "/history?afterVersion=1", "/differences?from=1&to=2", "/verdicts", "/verification"):
        answer = await operator.get(f"/baskets/{id}{path}")
        assert (path, problem(answer)) == (path, (404, "basket_archived"))
        assert f"checkout archive restore {id}" in answer.json()["detail"]
    searched = (await operator.get("/baskets", params={"partner": "store-9"})).json()
    assert (searched["baskets"], searched["moreInArchive"]) == ([], True)
