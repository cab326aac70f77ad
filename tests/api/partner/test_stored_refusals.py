"""A stored rejection quotes nothing of the request, because an erasure could not find it without a
basket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import Service, actions, add, change, order, problem, remove, wanted

MARKER = "ada-lovelace"
OWN = "0198c5a2-7f00-7c3e-9a51-3a5de7f0c1ad"

REFUSED: dict[str, Any] = {
    "an item that is not there leaves": actions(remove(MARKER)),
    "an item that is not there changes": actions(change(MARKER, 3)),
    "a parent that is not there": actions(add(type="add_on", parentId=MARKER)),
    "a parent of an offer": actions(add(type="offer", parentId=MARKER)),
    "too much of an offer": actions(add(MARKER, 9999), add(MARKER, 9999)),
    "one id twice": actions(add(id=OWN), add("o-2", id=OWN)),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
async def test_a_stored_rejection_of_an_update_quotes_nothing(service: Service, body: dict[str, Any]) -> None:
    caller = service.caller()
    id = await caller.begin()
    first = await caller.update(id, body, idempotency_key="k")
    assert problem(first) == (422, "invalid_request")
    again = await caller.update(id, body, idempotency_key="k")
    assert (again.headers["idempotent-replayed"], again.content) == ("true", first.content)
    assert not any(marker in first.text for marker in (MARKER, OWN))


@pytest.mark.parametrize(
    "items",
    [
        [wanted(type="add_on", parentId=MARKER)],
        [wanted(id=OWN), wanted("o-2", id=OWN)],
        [wanted(MARKER, 9999), wanted(MARKER, 9999)],
    ],
)
async def test_a_stored_rejection_of_an_initiate_quotes_nothing(service: Service, items: list[dict[str, Any]]) -> None:
    caller = service.caller()
    body = order(*items, tracking={"who": MARKER}, customFields={MARKER: 1}, external_id=MARKER)
    first = await caller.initiate(body, idempotency_key="k")
    assert problem(first) == (422, "invalid_request")
    assert (await caller.initiate(body, idempotency_key="k")).headers["idempotent-replayed"] == "true"
    assert not any(marker in first.text for marker in (MARKER, OWN))
