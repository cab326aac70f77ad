"""A basket as a plain dictionary, by the text of the contract. Tests compare the real one with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.basket.commands import (
    Action,
    AddItem,
    ChangeQuantity,
    ClearItems,
    ExpectPrice,
    RemoveItem,
    RequestedItem,
    SwapItem,
    UpdateDetails,
)
from domain.basket.decision import BasketLimits
from domain.shared.values import OfferRef


@dataclass(frozen=True)
class PlainLine:
    offer: str
    type: str
    parent: str | None
    quantity: int


Lines = dict[str, PlainLine]


class PlainRefusal(Exception):
    """The whole command is refused."""


def updated(  # noqa: PLR0915  a case for each action
    lines: Lines,
    actions: Sequence[Action],
    limits: BasketLimits,
    new_id: Callable[[], str],
    carried_by: Mapping[str, Collection[str]],
) -> Lines:
    """The lines after all actions; raises PlainRefusal at the first that is wrong. `carried_by` are the offers that
    each known add-on may hang under."""
    adds_add_ons = any(isinstance(action, AddItem) and action.item.type == "add_on" for action in actions)
    lines, names, departed = dict(lines), dict[str, str](), set[str]()

    def remove(id: str) -> None:
        if id not in lines:
            require(id in departed)
            return
        del lines[id]
        for other in [other for other, line in lines.items() if line.parent == id]:
            del lines[other]
            departed.add(other)

    def swap(id: str, offer: OfferRef, quantity: int | None) -> None:
        require(id in lines)
        swapped = replace(lines[id], offer=str(offer), quantity=quantity or lines[id].quantity)
        require(1 <= swapped.quantity <= limits.max_quantity)
        others = [line for other, line in lines.items() if other != id]
        require(swapped not in [replace(line, quantity=swapped.quantity) for line in others])
        for other in [other for other, line in lines.items() if line.parent == id]:
            hosts = carried_by.get(lines[other].offer)
            if swapped.offer != lines[id].offer and hosts is not None and offer.id not in hosts:
                del lines[other]
                departed.add(other)
        lines[id] = swapped

    for action in actions:
        match action:
            case AddItem(item=item):
                holds_add_ons = any(line.type == "add_on" for line in lines.values())
                require(item.type is not None or not (adds_add_ons or holds_add_ons))
                require(1 <= item.quantity <= limits.max_quantity)
                wanted = PlainLine(str(item.offer), item.type or "offer", _parent(item, lines, names), 0)
                same = [id for id, line in lines.items() if replace(line, quantity=0) == wanted]
                if item.id is not None and names.get(item.id, item.id) in lines:
                    require(same == [names.get(item.id, item.id)])
                id = same[0] if same else item.id or new_id()
                quantity = item.quantity + (lines[id].quantity if same else 0)
                require(quantity <= limits.max_quantity)
                lines[id] = replace(wanted, quantity=quantity)
                require(len(lines) <= limits.max_items)
                names[item.id or id] = id
            case RemoveItem(id=id):
                remove(names.get(id, id))
            case ChangeQuantity(id=id, quantity=0):
                remove(names.get(id, id))
            case ChangeQuantity(id=id, quantity=quantity):
                id = names.get(id, id)
                require(id in lines and 1 <= quantity <= limits.max_quantity)
                lines[id] = replace(lines[id], quantity=quantity)
            case SwapItem(id=id, offer=offer):
                swap(names.get(id, id), offer, action.quantity)
            case ClearItems():
                departed |= {id for id, line in lines.items() if line.parent is not None}
                lines.clear()
            case ExpectPrice(id=id):
                require(names.get(id, id) in lines)
            case UpdateDetails():
                pass
    return lines


def ordered(lines: Lines, items: Sequence[RequestedItem], limits: BasketLimits, new_id: Callable[[], str]) -> Lines:
    """The lines of an order; raises PlainRefusal if anything is wrong."""
    own = [item.id for item in items if item.id is not None]
    require(len(own) == len(set(own)))
    wanted: Lines = {}
    names: dict[str, str] = {}
    types_needed = any(item.type == "add_on" for item in items)
    for type in ("offer", "add_on"):
        groups: dict[PlainLine, list[RequestedItem]] = {}
        for item in items:
            require(item.type is not None or not types_needed)
            require(1 <= item.quantity <= limits.max_quantity)
            if (item.type or "offer") == type:
                key = PlainLine(str(item.offer), type, _parent(item, wanted, names), 0)
                groups.setdefault(key, []).append(item)
        found: Lines = {}
        for key, group in groups.items():
            held = [id for id, line in lines.items() if replace(line, quantity=0) == key and id not in own]
            brought = [item.id for item in group if item.id is not None]
            id = (brought or held or [new_id()])[0]
            names.update(dict.fromkeys(brought, id))
            quantity = sum(item.quantity for item in group)
            require(quantity <= limits.max_quantity)
            found[id] = replace(key, quantity=quantity)
        wanted.update(found)
    require(len(wanted) <= limits.max_items)
    return wanted


def require(condition: bool) -> None:
    if not condition:
        raise PlainRefusal


def _parent(item: RequestedItem, lines: Lines, names: dict[str, str]) -> str | None:
    if item.parent_id is None:
        return None
    parent = names.get(item.parent_id, item.parent_id)
    require(item.type == "add_on" and parent in lines and lines[parent].type == "offer")
    return parent
