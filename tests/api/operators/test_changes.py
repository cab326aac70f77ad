"""What operators change by the operator API: dead letters and rebuilds, and the audit log."""

from __future__ import annotations

import httpx

from adapters.kafka.topics import AVAILABILITY, BASKET_EVENTS
from tests.api.operators.operator_api import ADA, OperatorApiFixture
from tests.api.service import problem
from tests.builders import item
from tests.servers.waiting import eventually

GOOD = b'{"productCode": "SKU-9", "status": "available", "sequence": 7}'


async def audited(operator: httpx.AsyncClient, type: str) -> list[dict[str, object]]:
    actions = (await operator.get("/audit", params={"limit": 200})).json()["actions"]
    return [action for action in actions if action["type"] == type]


async def test_a_dead_letter_is_shown_retried_and_recorded(
    api: OperatorApiFixture, operator: httpx.AsyncClient
) -> None:
    id = await api.record_dead_letter(AVAILABILITY, 1, GOOD)
    shown = (await operator.get(f"/dead-letters/{id}")).json()
    assert (shown["value"]["text"], shown["letter"]["kind"]) == (GOOD.decode(), "catalogue-fact")
    outcome = (await operator.post(f"/dead-letters/{id}/retry", json={"reason": "it is fixed"})).json()
    assert outcome["result"] == "done"
    [action] = await audited(operator, "operations.dead-letter-retried.v1")
    assert action["operator"] == {"actor": ADA, "way": "api", "reason": "it is fixed"}
    again = (await operator.post(f"/dead-letters/{id}/retry", json={"reason": "once more"})).json()
    assert again["result"] == "settled"


async def test_dead_letters_are_paged_and_counted(api: OperatorApiFixture, operator: httpx.AsyncClient) -> None:
    ids = [await api.record_dead_letter(AVAILABILITY, 100 + number, b"{}") for number in range(3)]
    waiting: dict[str, str | int] = {"topic": AVAILABILITY, "limit": 2}
    first = (await operator.get("/dead-letters", params=waiting)).json()
    rest = (await operator.get("/dead-letters", params={**waiting, "cursor": first["nextCursor"]})).json()
    assert [letter["id"] for letter in first["letters"] + rest["letters"]] == ids
    counts = (await operator.get("/dead-letters/counts")).json()["counts"]
    assert {"topic": AVAILABILITY, "code": "not_a_fact", "count": 3} in counts
    odd = await operator.get("/dead-letters", params={"cursor": "?"})
    assert problem(odd) == (422, "invalid_request")


async def test_a_skipped_dead_letter_unblocks_its_basket(api: OperatorApiFixture, operator: httpx.AsyncClient) -> None:
    basket = await api.fill(item("o-1"))
    id = await api.record_dead_letter(BASKET_EVENTS, 1, b"\xff", basket_id=basket)
    shown = (await operator.get(f"/dead-letters/{id}")).json()
    assert (shown["letter"]["parks"], shown["value"]["encoding"]) == (True, "base64")
    skipped = (await operator.post(f"/dead-letters/{id}/skip", json={"reason": "nobody needs it"})).json()
    assert skipped["result"] == "done"
    assert await api.container.blocked_baskets.blocked([basket]) == set()
    settled = (await operator.get("/dead-letters", params={"which": "settled", "basketId": basket})).json()
    assert [(letter["id"], letter["settledBy"]) for letter in settled["letters"]] == [(id, "skipped")]


async def test_an_unknown_dead_letter_is_not_found(operator: httpx.AsyncClient) -> None:
    assert problem(await operator.get("/dead-letters/99999")) == (404, "dead_letter_not_found")
    retried = await operator.post("/dead-letters/99999/retry", json={"reason": "why not"})
    assert problem(retried) == (404, "dead_letter_not_found")


async def test_a_rebuild_runs_in_its_own_process_and_can_be_rolled_back(
    api: OperatorApiFixture, operator: httpx.AsyncClient
) -> None:
    await api.fill(item("o-1"))
    wanted = {"target": "basket-views", "reason": "to see it", "workers": 1}
    begun = await operator.post("/rebuilds", json=wanted)
    assert begun.status_code == 202, begun.text
    id = begun.json()["id"]
    assert begun.json()["operator"] == {"actor": ADA, "way": "api", "reason": "to see it"}

    async def over() -> bool:
        found = (await operator.get(f"/rebuilds/{id}")).json()
        assert found["error"] is None
        return bool(found["state"] == "switched")

    await eventually(over, limit=60, every=0.2)
    listed = (await operator.get("/rebuilds")).json()["rebuilds"]
    assert listed[0]["id"] == id
    back = await operator.post("/rebuilds/roll-back", json={"target": "basket-views", "reason": "as before"})
    assert (back.status_code, back.json()["state"]) == (200, "rolled-back")
    assert await audited(operator, "operations.rebuild-rolled-back.v1")


async def test_a_refused_rebuild_has_the_message_of_the_command(operator: httpx.AsyncClient) -> None:
    resumed = await operator.post("/rebuilds", json={"target": "catalogue", "resume": True, "reason": "go on"})
    assert problem(resumed) == (409, "rebuild_refused")
    assert resumed.json()["detail"] == "no rebuild of catalogue waits to be resumed"
    odd = {"target": "catalogue", "partner": "acme", "reason": "a part of it"}
    assert problem(await operator.post("/rebuilds", json=odd)) == (422, "invalid_request")


async def test_an_unknown_rebuild_is_not_found(operator: httpx.AsyncClient) -> None:
    assert problem(await operator.get("/rebuilds/none")) == (404, "rebuild_not_found")
    cancelled = await operator.post("/rebuilds/none/cancel", json={"reason": "stop"})
    assert problem(cancelled) == (404, "rebuild_not_found")


async def test_the_status_lists_every_worker(operator: httpx.AsyncClient) -> None:
    status = (await operator.get("/status")).json()
    assert {"publisher", "projector"} <= {worker["worker"] for worker in status["workers"]}
    assert status["well"] is False


async def test_the_audit_log_is_paged_newest_first(api: OperatorApiFixture, operator: httpx.AsyncClient) -> None:
    for number in range(3):
        letter = await api.record_dead_letter(AVAILABILITY, 200 + number, b"{}")
        await operator.post(f"/dead-letters/{letter}/skip", json={"reason": f"number {number}"})
    first = (await operator.get("/audit", params={"limit": 2})).json()
    rest = (await operator.get("/audit", params={"limit": 1, "before": first["nextBefore"]})).json()
    reasons = [action["operator"]["reason"] for action in first["actions"] + rest["actions"]]
    assert reasons == ["number 2", "number 1", "number 0"]
