"""A remedy is sent as it stands, on the version that it was judged on; and a basket is made ready in bounded rounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkout_client import ConflictProblem, NoRemedy, PreconditionFailedProblem, find_remedy
from tests.clients.scripted_service import BASKET, ScriptedService, answer, problem

ACTIONS = [
    {"orderItemActionType": "remove", "id": "i-1"},
    {"orderItemActionType": "bless", "id": "i-2", "of": "a later release"},
]
MOVED = problem(412, "version_mismatch", {"version": 9})


def remedy(version: int = 7) -> dict[str, Any]:
    return {"ifMatch": f'"{version}"', "orderItemActions": ACTIONS, "leadsTo": {"ready": True}}


def verdict(remedy: dict[str, Any] | None = None, *, ready: bool = False) -> dict[str, Any]:
    return {"id": BASKET, "ready": ready, "remedy": remedy, "promise": "p-1" if ready else None}


READY = answer(body=verdict(ready=True))
NOT_READY = answer(body=verdict(remedy()))


async def test_a_remedy_is_sent_as_it_stands_on_its_version() -> None:
    service = ScriptedService([NOT_READY, answer()])
    client = service.client()
    judged = await client.validate(BASKET)
    await client.apply_remedy(judged, handling="strict", include="findings")
    sent = service.sent[1]
    assert (sent.method, sent.url.path) == ("PUT", "/partner/checkout/update")
    assert json.loads(sent.content) == {"orderItemActions": ACTIONS}
    assert sent.headers["If-Match"] == '"7"'
    assert BASKET in sent.headers["Cookie"]
    assert (sent.headers["Prefer"], sent.url.query) == ("handling=strict", b"include=findings")


async def test_a_remedy_comes_from_a_document_and_from_findings_too() -> None:
    findings = {"id": BASKET, "findings": {"ready": False, "remedy": remedy(3)}}
    for judged, tag in ((verdict(remedy()), '"7"'), (findings, '"3"')):
        service = ScriptedService([answer()])
        await service.client().apply_remedy(judged)
        assert service.sent[0].headers["If-Match"] == tag


async def test_without_a_remedy_nothing_is_sent() -> None:
    service = ScriptedService([answer()])
    for judged in (verdict(), {"id": BASKET}, {"id": BASKET, "findings": {"ready": True, "remedy": None}}):
        assert find_remedy(judged) is None
        with pytest.raises(NoRemedy):
            await service.client().apply_remedy(judged)
    assert service.sent == []


async def test_a_basket_that_moved_meanwhile_is_told_apart() -> None:
    with pytest.raises(PreconditionFailedProblem) as raised:
        await ScriptedService([MOVED]).client().apply_remedy(verdict(remedy()))
    assert raised.value.version == 9


async def test_a_ready_basket_is_left_alone() -> None:
    service = ScriptedService([READY])
    mended = await service.client().make_ready(BASKET)
    assert (mended.outcome, mended.ready, mended.promise, list(mended.changes)) == ("ready", True, "p-1", [])
    assert len(service.sent) == 1


async def test_a_basket_is_mended_until_it_is_ready() -> None:
    updates = [answer(body={"id": BASKET, "actionResults": [number]}) for number in (1, 2)]
    service = ScriptedService([NOT_READY, updates[0], answer(body=verdict(remedy(9))), updates[1], READY])
    mended = await service.client().make_ready(BASKET, correlation_id="c-1")
    assert (mended.outcome, mended.ready) == ("ready", True)
    assert [(change.remedy, change.answer.body["actionResults"]) for change in mended.changes] == [
        (remedy(), [1]),
        (remedy(9), [2]),
    ]
    assert {request.headers["X-Correlation-Id"] for request in service.sent} == {"c-1"}
    assert len(set(service.keys)) == 5


async def test_mending_ends_where_only_the_seller_can_help() -> None:
    mended = await ScriptedService([NOT_READY, answer(), answer(body=verdict())]).client().make_ready(BASKET)
    assert (mended.outcome, mended.ready, len(mended.changes)) == ("nothing_to_mend", False, 1)


async def test_a_basket_that_moved_is_validated_again() -> None:
    service = ScriptedService([NOT_READY, MOVED, answer(body=verdict(remedy(9))), answer(), READY])
    mended = await service.client().make_ready(BASKET)
    assert (mended.outcome, [change.remedy for change in mended.changes]) == ("ready", [remedy(9)])
    assert service.sent[3].headers["If-Match"] == '"9"'


@pytest.mark.parametrize("update", [answer(), MOVED])
async def test_mending_is_bounded(update: Any) -> None:
    service = ScriptedService([*[NOT_READY, update] * 20])
    mended = await service.client().make_ready(BASKET, rounds=3)
    assert (mended.outcome, mended.ready) == ("rounds_used", False)
    assert len(service.sent) == 7


async def test_the_caller_may_decline_a_remedy() -> None:
    service = ScriptedService([NOT_READY, answer()])
    mended = await service.client().make_ready(BASKET, accept=lambda offered: offered != remedy())
    assert (mended.outcome, mended.ready) == ("not_accepted", False)
    assert len(service.sent) == 1


async def test_other_trouble_of_an_update_is_raised() -> None:
    service = ScriptedService([NOT_READY, problem(409, "basket_finished", {"basketStatus": "expired"})])
    with pytest.raises(ConflictProblem, match="basket_finished"):
        await service.client().make_ready(BASKET)
