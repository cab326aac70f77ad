"""A thousand random baskets at every version, compared with a second fold of their events."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from jsonpath_rfc9535 import find
from pydantic_core import from_json

from domain.basket.codec import KNOWN_TYPES
from domain.basket.decision import CheckoutConfig
from domain.operators.history.as_of import BasketHistory
from domain.operators.history.basket_diff import diff_baskets
from domain.operators.history.basket_json import basket_json, basket_state_json
from domain.validation.revalidate_as_of import NotFoundAsOf
from tests.builders import InMemoryCheckout
from tests.domain.operators.history.reference_history import Json, reference_at
from tests.random_baskets import CATALOGUE, RandomLife

BASKETS = 1_000


@pytest.fixture(scope="module")
async def lived() -> tuple[InMemoryCheckout, list[str]]:
    """A checkout, and the ids of its baskets."""
    checkout, dice = InMemoryCheckout(), random.Random(20261124)
    await checkout.record(*CATALOGUE)
    by_activity = InMemoryCheckout(checkout.clock, checkout.ids, CheckoutConfig(expiry_from="last_change"))
    by_activity.share(checkout)
    lives = [
        RandomLife(each.handlers, checkout.store, checkout.clock, dice) for each in (checkout, checkout, by_activity)
    ]
    return checkout, [await lives[number % 3].live(dice.randint(0, 9)) for number in range(BASKETS)]


async def documents(checkout: InMemoryCheckout, basket_id: str) -> list[Json]:
    return [from_json(event.data) for event in await checkout.store.read_events(basket_id)]


async def test_a_basket_at_every_version_is_the_reference_fold_of_its_events(
    lived: tuple[InMemoryCheckout, list[str]],
) -> None:
    checkout, basket_ids = lived
    histories, met = BasketHistory(checkout.store), Counter[str]()
    for basket_id in basket_ids:
        stored = await documents(checkout, basket_id)
        met.update(document["type"] for document in stored)
        for version in range(1, len(stored) + 1):
            shown = basket_state_json(await histories.at_version(basket_id, version))
            assert shown == reference_at(stored, version), f"{basket_id} at version {version}"
        for version in (0, len(stored) + 1):
            with pytest.raises(NotFoundAsOf):
                await histories.at_version(basket_id, version)
    # Every type of event occurred often, and so did one that this release does not know.
    assert met.keys() == KNOWN_TYPES | {"checkout.basket-gifted.v1"}
    assert min(met.values()) > 50


async def test_a_basket_as_of_a_moment_is_the_fold_of_the_events_until_then(
    lived: tuple[InMemoryCheckout, list[str]],
) -> None:
    checkout, basket_ids = lived
    histories = BasketHistory(checkout.store)
    for basket_id in basket_ids[:200]:
        events = await checkout.history(basket_id)
        for event in events:
            by_then = [each for each in events if each.timestamp <= event.timestamp]
            shown = (await histories.as_of(basket_id, event.timestamp)).basket
            at_version = (await histories.at_version(basket_id, by_then[-1].originator_version)).basket
            assert shown == at_version.as_seen_at(event.timestamp)


async def test_a_diff_finds_every_difference_and_its_paths_lead_to_the_values(
    lived: tuple[InMemoryCheckout, list[str]],
) -> None:
    checkout, basket_ids = lived
    histories, kinds = BasketHistory(checkout.store), Counter[str]()
    for basket_id in basket_ids[:200]:
        last = len(await documents(checkout, basket_id))
        baskets = [(await histories.at_version(basket_id, version)).basket for version in range(1, last + 1)]
        for before, after in [*pairwise(baskets), (baskets[0], baskets[-1]), (baskets[-1], baskets[0])]:
            was, is_now = basket_json(before), basket_json(after)
            for each in diff_baskets(before, after):
                kinds[each.kind] += 1
                assert values(was, each.path) == ([] if each.kind == "added" else [each.before])
                assert values(is_now, each.path) == ([] if each.kind == "removed" else [each.after])
                assert each.words.isprintable()
                remove_at(was, each.path)
                remove_at(is_now, each.path)
            assert comparable(was) == comparable(is_now), f"{basket_id}, {before.version} to {after.version}"
    assert min(kinds[kind] for kind in ("added", "removed", "changed")) > 50


def values(document: Json, path: str) -> list[object]:
    return [node.value for node in find(path, document)]


def remove_at(document: Json, path: str) -> None:
    """Removes the values at this path, if there are any."""
    for node in find(path, document):
        *way, last = node.location
        holder: Any = document
        for step in way:
            holder = holder[step]
        del holder[last]


def comparable(document: Json) -> Json:
    """Without what the diff does not compare. One of several totals would have been reported."""
    left_out = {"version", "modified", "payable"} | ({"totals"} if len(document.get("totals", [])) < 2 else set())
    return {
        **{name: value for name, value in document.items() if name not in left_out},
        "orderItems": {line["id"]: line for line in document["orderItems"]},
    }
