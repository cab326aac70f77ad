"""docs/operations/history.md shows the output of the commands, word for word."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

from cli.diff import diff_json, print_diff
from cli.find import print_page
from cli.history import HistoryPrinter
from cli.output import Output
from cli.show import print_basket
from domain.basket.commands import Caller, InitiateBasket
from domain.basket.projection import BasketProjection
from domain.operators.history.as_of import BasketHistory
from domain.operators.history.basket_json import basket_state_json
from domain.operators.history.search import BasketQuery
from tests.builders import (
    InMemoryCheckout,
    add,
    availability,
    caller,
    change,
    details,
    item,
    offer,
    price,
    update,
    validate,
)
from tests.fakes.basket_search import InMemoryBasketSearch
from tests.fakes.basket_views import InMemoryBasketViews

PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "history.md").read_text(encoding="utf-8")


class Printout:
    """What a command prints for people."""

    def __init__(self) -> None:
        self._written = StringIO()
        self.out = Output(self._written, width=160)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._written.getvalue().splitlines())


async def the_documented_basket() -> tuple[InMemoryCheckout, str]:
    """The basket of the documentation."""
    checkout = InMemoryCheckout()
    await checkout.record(
        offer("o-820165", name="Oranges navels all", products=["SKU-820165"]),
        price("o-820165", "0.33", "USD"),
        offer("o-874972", name="Select beef", products=["SKU-874972"]),
        price("o-874972", "7.55", "USD"),
    )

    def by(conversation: int) -> Caller:
        checkout.clock.advance(timedelta(seconds=20))
        return caller("store-367", actor="client-367", correlation_id=f"c-{conversation}")

    said = details(external_id="EXT-1", country="US", currency="USD", source="kiosk", tracking={"campaign": "autumn"})
    begun = InitiateBasket(said, (item("o-820165", 2),))
    basket = (await checkout.handlers.initiate(begun, by(1))).basket
    line = next(iter(basket.items))
    await checkout.handlers.update(update(basket.id, add("o-874972")), by(2))
    await checkout.handlers.validate(validate(basket.id), by(3))
    await checkout.record(
        availability("SKU-820165", status="blocked", reason="recalled"),
        price("o-874972", "7.99", "USD", sequence=2),
    )
    await checkout.handlers.update(update(basket.id, change(line, 3)), by(4))
    await checkout.handlers.validate(validate(basket.id), by(5))
    return checkout, basket.id


def shown(command: str, paper: Printout) -> str:
    return f"$ checkout {command}\n{paper.text()}\n"


async def test_the_documentation_shows_the_real_output() -> None:
    checkout, basket_id = await the_documented_basket()
    histories = BasketHistory(checkout.store)
    history, show, diff, find = Printout(), Printout(), Printout(), Printout()

    printer = HistoryPrinter(history.out)
    for entry in await histories.entries(basket_id):
        printer.print(entry)
    print_basket(basket_state_json(await histories.at_version(basket_id, 4)), show.out)
    before, after = (
        await histories.at_version(basket_id, 4),
        await histories.at_version(basket_id, 6),
    )
    print_diff(diff_json(before, after), diff.out)
    views = InMemoryBasketViews()
    await BasketProjection(checkout.store, views).refold(basket_id)
    query = BasketQuery(product="SKU-820165", finding_code="price_changed")
    print_page(await InMemoryBasketSearch(views).find(query), headed=True, last=True, out=find.out)

    for command, paper in (
        (f"history {basket_id}", history),
        (f"show {basket_id} --at-version 4", show),
        (f"diff {basket_id} 4 6", diff),
        ("find --product SKU-820165 --finding price_changed", find),
    ):
        assert shown(command, paper) in PAGE


async def test_a_remedy_that_would_be_refused_says_so() -> None:
    checkout, basket_id = await the_documented_basket()
    histories = BasketHistory(checkout.store)
    fits, outdated = Printout(), Printout()

    print_basket(basket_state_json(await histories.at_version(basket_id, 6)), fits.out)
    await checkout.handlers.update(update(basket_id, add("o-1")), caller("store-367"))
    print_basket(basket_state_json(await histories.at_version(basket_id, 7)), outdated.out)

    refused = "The basket is at version 7, so this gets a 412. Validate it again first."
    assert 'If-Match: "6"' in fits.text()
    assert "412" not in fits.text()
    assert 'If-Match: "6"' in outdated.text()
    assert refused in outdated.text()
