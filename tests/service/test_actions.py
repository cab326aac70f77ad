"""Random updates with all actions in any mixture, on the running service. A model by the text of docs/actions.md says
what each request must do, or that it must be refused."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.service.action_model import PRICES, Json, ModelBasket, RandomActions, WrongAction, catalogue, price_fact
from tests.service.checkout_process import CheckoutService, cookie
from tests.service.event_records import stored_events

BASKETS = 40


def shown(line: Json) -> Json:
    """A line of an order, as the model has it."""
    amounts = {name: line[name] and line[name]["amount"] for name in ("price", "expectedPrice")}
    offer = {"id": line["offer"]["id"], "version": line["offer"]["version"]}
    return {"type": line["type"], "parentId": line["parentId"], "quantity": line["quantity"], "offer": offer, **amounts}


async def load(service: CheckoutService, folder: Path, facts: list[Json]) -> None:
    file = folder / "facts.jsonl"
    file.write_text("".join(f"{json.dumps(fact)}\n" for fact in facts), encoding="utf-8")
    await service.command("catalogue", "load", str(file), "--wait")


async def test_random_mixtures_of_all_actions_do_what_the_page_says(service: CheckoutService, tmp_path: Path) -> None:
    dice, prices = random.Random(20261127), dict(PRICES)
    await load(service, tmp_path, catalogue())
    async with service.caller("mixtures") as client:
        plays = [await Play.begin(client, ModelBasket(prices)) for _ in range(BASKETS)]
        for play in plays:
            await play.update(RandomActions(dice), times=4)
        prices["x-1", "v-1"] = "12.00"
        await load(service, tmp_path, [price_fact("x-1", "v-1", "12.00", 2)])
        for play in plays:
            await play.update(RandomActions(dice), times=4)

    statuses = Counter(status for play in plays for status in play.statuses)
    assert statuses[200] > BASKETS
    assert statuses[422] > BASKETS
    await the_events_tell_the_same(service, {play.id: play.order for play in plays})


@dataclass
class Play:
    """A basket on the service, and its model. Both share the prices."""

    client: httpx.AsyncClient
    id: str
    order: Json
    model: ModelBasket
    statuses: list[int] = field(default_factory=list)

    @classmethod
    async def begin(cls, client: httpx.AsyncClient, model: ModelBasket) -> Play:
        begun = await client.post("/partner/checkout/initiate", json={"order": {"currency": "GBP", "country": "GB"}})
        play = cls(client, begun.json()["id"], {}, model)
        play.order = await play.shown_order()
        return play

    async def shown_order(self) -> Json:
        order: Json = (await self.client.get(f"/partner/checkout/{self.id}")).json()["order"]
        return order

    async def update(self, actions: RandomActions, times: int) -> None:
        """Random updates, each of which does what the model says."""
        for _ in range(times):
            body = {"orderItemActions": actions.actions(self.model.lines)}
            wanted = self.model.copy()
            try:
                wanted.apply(body["orderItemActions"])
            except WrongAction:
                wanted = self.model
            answer = await self.client.put("/partner/checkout/update", json=body, headers=cookie(self.id))
            assert answer.status_code == (422 if wanted is self.model else 200), (body, answer.text)
            self.statuses.append(answer.status_code)
            after = await self.shown_order()
            if answer.status_code == 200:
                assert answer.json()["order"] == after
                assert_results(answer.json()["actionResults"], body["orderItemActions"], self.order, after)
            else:
                assert after == self.order
            assert_as_modelled(after, wanted)
            self.model, self.order = wanted, after


def assert_as_modelled(order: Json, wanted: ModelBasket) -> None:
    assert {line["id"]: shown(line) for line in order["orderItems"]} == wanted.lines
    for name, value in wanted.details.items():
        unset: object = None if name in ("source", "order_type") else {}
        assert order[name] == (unset if value is None else value)


def assert_results(results: list[Json], actions: list[Json], before: Json, after: Json) -> None:
    assert [(each["index"], each["orderItemActionType"]) for each in results] == [
        (index, action["orderItemActionType"]) for index, action in enumerate(actions)
    ]
    were, are = ({line["id"]: line for line in order["orderItems"]} for order in (before, after))
    removed = {id for each in results for id in each["removedOrderItemIds"]}
    assert were.keys() - are.keys() <= removed
    assert (after["version"] > before["version"]) == any(each["status"] == "applied" for each in results)
    for id, line in are.items():
        last = [each for each in results if each["orderItemId"] == id]
        assert not last or last[-1]["after"] == line["quantity"]


async def the_events_tell_the_same(service: CheckoutService, orders: dict[str, Json]) -> None:
    """A consumer that knows the pages of the events alone has the same lines."""
    types = set[str]()
    for id, events in (await stored_events(service.database_url)).items():
        if id not in orders:
            continue
        lines: dict[str, Json] = {}
        for _, document in events:
            assert isinstance(document, dict)
            types.add(document["type"])
            fold_line(lines, document)
        assert {line["id"]: shown(line) for line in orders[id]["orderItems"]} == {
            line_id: shown(line) for line_id, line in lines.items()
        }
    assert {"checkout.order-item-swapped.v1", "checkout.order-item-repriced.v1"} <= types


def fold_line(lines: dict[str, Json], event: Json) -> None:
    match event["type"]:
        case "checkout.order-item-added.v1":
            lines[event["orderItem"]["id"]] = event["orderItem"]
        case "checkout.order-item-removed.v1":
            del lines[event["orderItemId"]]
        case "checkout.order-item-quantity-changed.v1":
            lines[event["orderItemId"]]["quantity"] = event["after"]
        case "checkout.order-item-price-expected.v1":
            lines[event["orderItemId"]]["expectedPrice"] = event["after"]
        case "checkout.order-item-repriced.v1":
            lines[event["orderItemId"]]["price"] = event["after"]
        case "checkout.order-item-swapped.v1":
            lines[event["after"]["id"]] = event["after"]
