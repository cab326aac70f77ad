"""Caches of baskets take so much memory, whatever partners put into their baskets."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from domain.basket.decision import BasketLimits
from domain.basket.repository import BasketRepository
from domain.basket.request_feed import RequestFeed
from domain.basket.serialization import order_json
from domain.basket.weight import weigh
from domain.shared.findings import Assessment
from domain.validation.remedy.finder import find_remedy
from domain.validation.request_assembler import RequestAssembler
from domain.validation.validate import NO_POLICY_TERMS, build_context, run_checks
from domain.validation.verdict_cache import VerdictCache
from tests.builders import NOW, InMemoryCheckout, basket, caller, catalogue, initiate, item, line

BASKETS = 16
LINES = 200
LINE_BYTES = 8 * 1024
"""A line takes 3 to 4 KB. What a partner shapes for the purpose may take twice as much."""

SHAPES: dict[str, Callable[[], Any]] = {
    "a long text": lambda: "x" * 100_000,
    "short texts": lambda: [f"{number:x}" for number in range(3_000)],
    "empty lists": lambda: [[] for _ in range(5_000)],
    "small maps": lambda: [{"a": number} for number in range(1_000)],
    "numbers": lambda: [number + 0.5 for number in range(5_000)],
}


async def fill_repository(checkout: InMemoryCheckout, ids: Sequence[str]) -> object:
    baskets = BasketRepository(checkout.store, cache_lines=LINES)
    for id in ids:
        order_json(await baskets.load(id))
    assert baskets.cached(ids[-1]) is not None
    return baskets


async def fill_verdicts(checkout: InMemoryCheckout, ids: Sequence[str]) -> object:
    verdicts, known = VerdictCache(LINES), catalogue()
    for id in ids:
        judged = await BasketRepository(checkout.store, cache_lines=0).load(id)
        context = build_context(judged, known, NOW, NO_POLICY_TERMS)
        verdict = run_checks(context)
        found = find_remedy(context, known, verdict.findings, BasketLimits())
        verdicts.keep(context, known, Assessment(verdict, found.remedy), found)
    assert verdicts.find(judged, known, NOW) is not None
    return verdicts


async def fill_assembler(checkout: InMemoryCheckout, ids: Sequence[str]) -> object:
    assembler, feed = RequestAssembler(checkout.store, cache_lines=LINES), RequestFeed(checkout.store, checkout.store)
    position = 0
    for _ in ids:
        requests = await feed.read(position, 1)
        async for _ in assembler.assemble(requests):
            pass
        position = requests[-1].last.position
    return assembler


@pytest.mark.parametrize("fill", [fill_repository, fill_verdicts, fill_assembler])
@pytest.mark.parametrize("shape", SHAPES)
async def test_baskets_with_large_details_take_no_more_of_a_cache_than_its_lines_do(
    shape: str, fill: Callable[[InMemoryCheckout, Sequence[str]], Awaitable[object]]
) -> None:
    checkout = InMemoryCheckout()
    ids = []
    for _ in range(BASKETS):
        command = initiate(item(), custom_fields={"theirs": SHAPES[shape]()})
        ids.append((await checkout.handlers.initiate(command, caller())).basket.id)
    checkout.main.baskets.drop()
    gc.collect()

    tracemalloc.start()
    try:
        cache = await fill(checkout, ids)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert cache is not None
    assert held < LINES * LINE_BYTES


def test_a_basket_weighs_a_line_more_than_it_has() -> None:
    assert [weigh(basket(*[line(f"l-{number}") for number in range(lines)])) for lines in (0, 1, 15)] == [1, 2, 16]


def test_a_line_of_many_products_weighs_as_several() -> None:
    products = [f"SKU-{number}" for number in range(160)]
    assert weigh(basket(line(products=products))) == weigh(basket(line())) + 10


def test_the_weight_follows_the_details_of_a_fork() -> None:
    before = basket(line())
    after = before.fork()
    after.update_details({"tracking": {"theirs": "x" * 10_000}}, NOW)
    assert weigh(before) == 2
    assert weigh(after) > 5
    after.update_details({"tracking": {}}, NOW)
    assert weigh(after) == 2
