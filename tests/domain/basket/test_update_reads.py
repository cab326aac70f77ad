"""What an update reads of the catalogue: little and from memory, unless its actions depend on the present facts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import pytest

from domain.basket.commands import Action
from domain.basket.update_reads import offers_of_lines
from domain.catalogue.catalogue import Catalogue
from tests.builders import (
    InMemoryCheckout,
    add,
    basket,
    caller,
    change,
    clear,
    expect_price,
    initiate,
    item,
    line,
    money,
    offer,
    price,
    remove,
    swap,
    update,
    update_details,
)
from tests.fakes.catalogue import InMemoryCatalogue

OWN_ID = "0b6f5d3c-1111-7000-8000-000000000001"
ADD_ON_ID = "0b6f5d3c-1111-7000-8000-000000000002"
TWELVE = money("12.00")

Read = tuple[set[str], bool]


class ObservedCatalogue(InMemoryCatalogue):
    """Remembers which offers were read, and whether afresh."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Read] = []

    async def catalogue(
        self,
        offer_ids: Collection[str],
        product_codes: Collection[str],
        *,
        fresh: bool,
        at: datetime | None = None,
        partner: str | None = None,
        prices_for: str | None = None,
    ) -> Catalogue:
        self.reads.append(({*offer_ids}, fresh))
        return await super().catalogue(
            offer_ids, product_codes, fresh=fresh, at=at, partner=partner, prices_for=prices_for
        )


async def begun() -> tuple[InMemoryCheckout, str]:
    """A basket with an offer, its add-on, and another offer."""
    checkout = InMemoryCheckout(facts=ObservedCatalogue())
    await checkout.record(
        offer("o-1"),
        price("o-1"),
        offer("o-2"),
        price("o-2", "12.00"),
        offer("a-1", add_on_to=["o-1"]),
        offer("a-2", add_on_to=["o-1", "o-2"]),
    )
    wanted = initiate(
        item("o-1", id=OWN_ID, type="offer"),
        item("a-1", id=ADD_ON_ID, type="add_on", parent_id=OWN_ID),
        item("o-3", type="offer"),
    )
    id = (await checkout.handlers.initiate(wanted, caller())).basket.id
    _reads(checkout).clear()
    return checkout, id


def _reads(checkout: InMemoryCheckout) -> list[Read]:
    assert isinstance(checkout.facts, ObservedCatalogue)
    return checkout.facts.reads


@pytest.mark.parametrize(
    "action", [remove(ADD_ON_ID), change(OWN_ID, 3), clear(), update_details(source="web")], ids=lambda each: each.kind
)
async def test_actions_that_need_no_facts_read_none(action: Action) -> None:
    checkout, id = await begun()
    await checkout.handlers.update(update(id, action), caller())
    assert _reads(checkout) == []


async def test_plain_adds_read_their_offers_from_memory() -> None:
    checkout, id = await begun()
    await checkout.handlers.update(update(id, add("o-2", type="offer"), change(OWN_ID, 2)), caller())
    assert _reads(checkout) == [({"o-2"}, False)]


@pytest.mark.parametrize(
    ("action", "offers"),
    [
        (swap(OWN_ID, "o-2"), {"o-2", "a-1"}),
        (expect_price(OWN_ID, TWELVE), {"o-1"}),
        (change(OWN_ID, 2, TWELVE), {"o-1"}),
        (add("o-1", type="offer", expected_price=TWELVE), {"o-1"}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_actions_that_depend_on_present_facts_read_what_they_need_afresh(
    action: Action, offers: set[str]
) -> None:
    checkout, id = await begun()
    await checkout.handlers.update(update(id, action), caller())
    assert _reads(checkout) == [(offers, True)]


def test_lines_of_older_releases_are_found_by_their_ids_in_lower_case() -> None:
    held = basket(line(OWN_ID.upper(), "o-1"), line("line-2", "o-2"))
    assert offers_of_lines(held, (expect_price(OWN_ID, TWELVE),)) == {"o-1"}


async def test_add_ons_of_a_line_that_is_meant_by_another_id_are_judged_too() -> None:
    """The added item's own id comes to mean the line that the basket holds."""
    other_id = "0b6f5d3c-1111-7000-8000-000000000003"
    checkout, id = await begun()
    actions = (add("o-1", id=other_id, type="offer"), swap(other_id, "o-2"))
    updated = await checkout.handlers.update(update(id, *actions), caller())
    assert ADD_ON_ID not in updated.basket.items
    assert updated.results[1].removed == (ADD_ON_ID,)


async def test_an_update_that_is_decided_again_reads_again() -> None:
    checkout, id = await begun()
    other = checkout.process().handlers
    await other.update(update(id, add("a-2", type="add_on", parent_id=OWN_ID)), caller())
    _reads(checkout).clear()
    updated = await checkout.handlers.update(update(id, swap(OWN_ID, "o-2")), caller())
    assert [offers for offers, _ in _reads(checkout)] == [{"o-2", "a-1"}, {"o-2", "a-1", "a-2"}]
    assert sorted(line.offer.id for line in updated.basket.items.values()) == ["a-2", "o-2", "o-3"]


async def test_a_price_that_came_a_moment_ago_is_accepted() -> None:
    checkout, id = await begun()
    await checkout.record(price("o-1", "12.00", sequence=2))
    updated = await checkout.handlers.update(update(id, expect_price(OWN_ID, TWELVE)), caller())
    assert updated.basket.items[OWN_ID].price == TWELVE
