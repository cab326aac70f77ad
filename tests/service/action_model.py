"""A basket as a reader of docs/actions.md expects it, and random actions on it. Without any code of the service."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

MAX_QUANTITY = 9999

Json = dict[str, Any]
MakeAction = Callable[[list[str], dict[str, Json]], Json]

PRICES = {
    ("x-1", "v-1"): "10.00",
    ("x-1", "v-2"): "11.00",
    ("x-2", "v-1"): "25.00",
    ("x-3", "v-1"): "0.50",
    ("y-1", "v-1"): "3.00",
    ("y-2", "v-1"): "4.00",
}
ADD_ON_TO = {"y-1": ["x-1"], "y-2": ["x-1", "x-2"]}
OFFERS = [*PRICES, ("x-unknown", "v-1"), ("x-3", "v-1"), ("x-2", "v-1")]
DETAILS = ["source", "order_type", "customFields", "tracking", "billingDetails"]


def catalogue() -> list[Json]:
    facts: list[Json] = []
    for sequence, ((id, version), amount) in enumerate(PRICES.items(), 1):
        facts += [
            {
                "kind": "offer",
                "id": id,
                "version": version,
                "name": id,
                "status": "published",
                "products": [],
                "addOnTo": ADD_ON_TO.get(id),
                "sequence": sequence,
            },
            price_fact(id, version, amount, 1),
        ]
    return facts


def price_fact(id: str, version: str, amount: str, sequence: int) -> Json:
    price = {"offerId": id, "offerVersion": version, "currency": "GBP", "amount": amount, "sequence": sequence}
    return {"kind": "price", **price}


class WrongAction(Exception):
    """The whole request must be refused."""


@dataclass
class ModelBasket:
    """A basket as a reader of the page on actions expects it."""

    prices: dict[tuple[str, str], str]
    lines: dict[str, Json] = field(default_factory=dict)
    details: Json = field(default_factory=dict)
    left_along: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    """The lines that the ids of one request mean."""

    def copy(self) -> ModelBasket:
        """A copy that shares the prices."""
        return ModelBasket(self.prices, deepcopy(self.lines), dict(self.details))

    def apply(self, actions: list[Json]) -> None:
        """Raises WrongAction at the first that is wrong."""
        self.left_along, self.names = set(), {}
        for action in actions:
            getattr(self, f"_{action['orderItemActionType']}")(action)

    def _add(self, action: Json) -> None:
        parent = self._meant(action["parentId"]) if "parentId" in action else None
        require(parent is None or self.lines.get(parent, {}).get("type") == "offer")
        held_id = self._same(action["offer"], action["type"], parent)
        if held_id is None:
            offer = action["offer"]
            price = self.prices.get((offer["id"], offer["version"]))
            self.lines[action["id"]] = {
                "offer": offer,
                "type": action["type"],
                "parentId": parent,
                "quantity": action["quantity"],
                "price": price,
                "expectedPrice": amount_of(action),
            }
        else:
            held, self.names[action["id"]] = self.lines[held_id], held_id
            require(held["quantity"] + action["quantity"] <= MAX_QUANTITY)
            held["quantity"] += action["quantity"]
            self._accept(held, action)

    def _remove(self, action: Json) -> None:
        id = self._meant(action["id"])
        if id not in self.lines:
            require(id in self.left_along)
            return
        for add_on in self._under(id):
            self._leave_along(add_on)
        del self.lines[id]

    def _change_quantity(self, action: Json) -> None:
        if action["quantity"] == 0:
            self._remove(action)
            return
        line = self._line(action)
        line["quantity"] = action["quantity"]
        self._accept(line, action)

    def _swap(self, action: Json) -> None:
        id, line, offer = self._meant(action["id"]), self._line(action), action["offer"]
        quantity = action.get("quantity") or line["quantity"]
        if offer != line["offer"]:
            require(self._same(offer, line["type"], line["parentId"]) is None)
            for add_on in self._under(id):
                hosts = ADD_ON_TO.get(self.lines[add_on]["offer"]["id"], [])
                known = (self.lines[add_on]["offer"]["id"], "v-1") in PRICES
                if known and offer["id"] not in hosts:
                    self._leave_along(add_on)
            line["offer"], line["expectedPrice"] = offer, None
            line["price"] = self.prices.get((offer["id"], offer["version"]))
        line["quantity"] = quantity

    def _clear(self, _: Json) -> None:
        for id in [id for id, line in self.lines.items() if line["parentId"] is not None]:
            self._leave_along(id)
        self.lines.clear()

    def _update_details(self, action: Json) -> None:
        self.details |= action["order"]

    def _expect_price(self, action: Json) -> None:
        self._accept(self._line(action), action)

    def _accept(self, line: Json, action: Json) -> None:
        expected = amount_of(action)
        if expected is not None:
            if not same_amount(line["expectedPrice"], expected):
                line["expectedPrice"] = expected
            current = self.prices.get((line["offer"]["id"], line["offer"]["version"]))
            if same_amount(current, expected):
                line["price"] = current

    def _meant(self, id: str) -> str:
        return self.names.get(id, id)

    def _line(self, action: Json) -> Json:
        id = self._meant(action["id"])
        require(id in self.lines)
        return self.lines[id]

    def _same(self, offer: Json, type: str, parent: str | None) -> str | None:
        for id, line in self.lines.items():
            if (line["offer"], line["type"], line["parentId"]) == (offer, type, parent):
                return id
        return None

    def _under(self, id: str) -> list[str]:
        return [other for other, line in self.lines.items() if line["parentId"] == id]

    def _leave_along(self, id: str) -> None:
        del self.lines[id]
        self.left_along.add(id)


def require(condition: bool) -> None:
    if not condition:
        raise WrongAction


def same_amount(one: str | None, other: str) -> bool:
    return one is not None and Decimal(one) == Decimal(other)


def amount_of(action: Json) -> str | None:
    expected = action.get("expectedPrice")
    return expected and expected["amount"]


class RandomActions:
    """Actions on a basket, mostly right ones."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def actions(self, lines: dict[str, Json]) -> list[Json]:
        ids = [*lines, *([] if self._dice.random() < 0.8 else [str(uuid.UUID(int=self._dice.getrandbits(128)))])]
        made: list[Json] = []
        for _ in range(self._dice.randint(1, 6)):
            action = self._dice.choice(self._kinds(bool(ids)))(ids, lines)
            made.append(action)
            if action["orderItemActionType"] == "add":
                ids.append(action["id"])
        return made

    def _kinds(self, has_lines: bool) -> list[MakeAction]:
        always: list[MakeAction] = [self._add, self._add, self._details]
        on_lines: list[MakeAction] = [
            self._add_on,
            self._add_on,
            self._remove,
            self._change,
            self._swap,
            self._swap,
            self._expect,
        ]
        if not has_lines:
            return always
        return [*always, *on_lines, *([self._clear] if self._dice.random() < 0.2 else [])]

    def _offer(self) -> Json:
        id, version = self._dice.choice(OFFERS)
        return {"id": id, "version": version}

    def _price(self) -> Json:
        amounts = [*PRICES.values(), "12", "12.0"]
        return {"amount": self._dice.choice(amounts), "currency": "GBP"}

    def _maybe_expected(self) -> Json:
        return {"expectedPrice": self._price()} if self._dice.random() < 0.5 else {}

    def _add(self, _: list[str], __: dict[str, Json]) -> Json:
        item = {"id": str(uuid.UUID(int=self._dice.getrandbits(128))), "type": "offer", "offer": self._offer()}
        return {"orderItemActionType": "add", "quantity": self._dice.randint(1, 3), **item, **self._maybe_expected()}

    def _add_on(self, ids: list[str], lines: dict[str, Json]) -> Json:
        parents = [id for id in ids if lines.get(id, {}).get("type") != "add_on"]
        offer = {"id": self._dice.choice(["y-1", "y-2", "x-unknown"]), "version": "v-1"}
        parent = {"parentId": self._dice.choice(parents)} if parents else {}
        return {**self._add(ids, lines), "type": "add_on", "offer": offer, **parent}

    def _remove(self, ids: list[str], _: dict[str, Json]) -> Json:
        return {"orderItemActionType": "remove", "id": self._dice.choice(ids)}

    def _change(self, ids: list[str], _: dict[str, Json]) -> Json:
        quantity = {"id": self._dice.choice(ids), "quantity": self._dice.randint(0, 4)}
        return {"orderItemActionType": "change_quantity", **quantity, **self._maybe_expected()}

    def _swap(self, ids: list[str], _: dict[str, Json]) -> Json:
        quantity = {"quantity": self._dice.randint(1, 5)} if self._dice.random() < 0.5 else {}
        return {"orderItemActionType": "swap", "id": self._dice.choice(ids), "offer": self._offer(), **quantity}

    def _clear(self, _: list[str], __: dict[str, Json]) -> Json:
        return {"orderItemActionType": "clear"}

    def _details(self, _: list[str], __: dict[str, Json]) -> Json:
        def value(name: str) -> object:
            if self._dice.random() < 0.3:
                return None
            return f"s-{self._dice.randint(1, 3)}" if name in ("source", "order_type") else {"a": self._dice.random()}

        names = self._dice.sample(DETAILS, self._dice.randint(0, 3))
        return {"orderItemActionType": "update_details", "order": {name: value(name) for name in names}}

    def _expect(self, ids: list[str], _: dict[str, Json]) -> Json:
        return {"orderItemActionType": "expect_price", "id": self._dice.choice(ids), "expectedPrice": self._price()}
