"""Describes each event of a basket in one sentence.

A description names lines by their offers, so it needs the basket before the event. Of the open maps (`tracking`,
`customerDetails` and so on) it names the entries that differ, never their content, which may be personal data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from domain.basket.basket import Basket
from domain.basket.events import (
    OPEN_MAPS,
    BasketCancelled,
    BasketCompleted,
    BasketDetails,
    BasketDetailsChanged,
    BasketEvent,
    BasketExpired,
    BasketInitiated,
    BasketPersonalDataForgotten,
    BasketReopened,
    BasketValidated,
    EligibilityCountry,
    OrderItem,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    OrderItemRepriced,
    OrderItemSwapped,
    UnknownEvent,
)
from domain.shared.eventsourcing import DomainEvent
from domain.shared.findings import Finding
from domain.shared.formatting import format_duration, format_time
from domain.shared.json_diff import diff_members
from domain.shared.printable import printable

MAX_FINDINGS_LISTED = 12
"""Of one severity. A basket of hundreds of lines can have thousands; the event holds them all."""

_LABELS = {
    "external_id": "external id",
    "country": "country",
    "currency": "currency",
    "source": "source",
    "order_type": "order type",
}
_OPEN_MAPS = {name: name.replace("_", " ") for name in OPEN_MAPS}


def describe_event(event: DomainEvent, before: Basket | None) -> str:
    """The event in one sentence. `before` is the basket before it, None where that is not known."""
    return printable(_describe(event, before))


def _describe(event: DomainEvent, before: Basket | None) -> str:  # noqa: PLR0912  a sentence for each event
    if isinstance(event, UnknownEvent):
        return f"{event.type}: of a later release than this one, passed over"
    known: BasketEvent = event  # type: ignore[assignment]  # whatever a store returns is one of these
    lines = before.items if before is not None else {}
    match known:
        case BasketInitiated():
            return _describe_initiated(known)
        case BasketDetailsChanged(details=details):
            changes = _describe_details(before.details, details) if before is not None else []
            return "; ".join(changes) or f"{', '.join(known.changed)} changed"
        case OrderItemAdded(order_item=line):
            under = f" under {_name(line.parent_id, lines.get(line.parent_id))}" if line.parent_id else ""
            return f"{line.quantity} × {_line_name(line)} added{under}{_describe_price(line)}"
        case OrderItemRemoved(order_item_id=id):
            along = " along with its offer" if known.reason == "parent_removed" else ""
            quantity = f"{lines[id].quantity} × " if id in lines else ""
            return f"{quantity}{_name(id, lines.get(id))} removed{along}"
        case OrderItemQuantityChanged(order_item_id=id):
            return f"quantity of {_name(id, lines.get(id))} from {known.before} to {known.after}"
        case OrderItemPriceExpected(order_item_id=id):
            return describe_change(f"expected price of {_name(id, lines.get(id))}", known.before, known.after)
        case OrderItemSwapped(before=line):
            return _describe_swap(line, known.after)
        case OrderItemRepriced(order_item_id=id):
            return f"{describe_change(f'price of {_name(id, lines.get(id))}', known.before, known.after)}, accepted"
        case BasketValidated():
            return _describe_verdict(known)
        case BasketExpired():
            return "expired"
        case BasketCompleted(order_id=None):
            return "completed by an order that was not named"
        case BasketCompleted():
            return f"completed by order {known.order_id}"
        case BasketReopened():
            order = f"order {known.order_id}" if known.order_id is not None else "the order that was not named"
            why = f": {known.reason}" if known.reason else ""
            return (
                f"open again until {format_time(known.expires_at, 'milliseconds')}, because {order} was rejected{why}"
            )
        case BasketCancelled():
            return f"cancelled: {known.code}" + (f", {known.text}" if known.text else "")
        case BasketPersonalDataForgotten():
            return "personal data forgotten: tracking, custom fields and all details of persons are gone"
        case _:
            assert_never(known)


def describe_change(label: str, before: object, after: object) -> str:
    """A value that was set, removed (None) or changed."""
    if before is None:
        return f"{label} now {after}"
    if after is None:
        return f"{label} no longer {before}"
    return f"{label} from {before} to {after}"


def _describe_initiated(event: BasketInitiated) -> str:
    details = event.details
    said = [f"{label} {value}" for name, label in _LABELS.items() if (value := getattr(details, name)) is not None]
    said += [
        f"{label} {', '.join(sorted(entries))}"
        for name, label in _OPEN_MAPS.items()
        if (entries := getattr(details, name))
    ]
    if details.market is not None:
        said.append(_describe_market(details.market))
    said.append(f"open until {format_time(event.expires_at, 'milliseconds')}")
    if event.idle_seconds is not None:
        said.append(f"then for {format_duration(event.idle_seconds)} after each change")
    return f"initiated by {event.partner}: {', '.join(said)}"


def _describe_details(before: BasketDetails, after: BasketDetails) -> list[str]:
    """Each difference of two sets of details on its own."""
    said = [
        describe_change(label, getattr(before, name), getattr(after, name))
        for name, label in _LABELS.items()
        if getattr(before, name) != getattr(after, name)
    ]
    if before.market != after.market and after.market is not None:
        said.append(_describe_market(after.market))
    elif before.market != after.market and after.country is None:
        said.append("without a country of eligibility")
    for name, label in _OPEN_MAPS.items():
        changes = diff_members(getattr(before, name), getattr(after, name))
        if keys := sorted(change.name for change in changes if change.kind is not None):
            said.append(f"{label} differ in {', '.join(keys)}")
    return said


def _describe_market(market: EligibilityCountry) -> str:
    return f"sold in {market.country} by {market.source}"


def _describe_swap(before: OrderItem, after: OrderItem) -> str:
    return (
        f"{before.quantity} × {_line_name(before)} swapped for {after.quantity} × {_line_name(after)}"
        f"{_describe_price(after)}"
    )


def _describe_price(line: OrderItem) -> str:
    if line.price is not None:
        price = f" at {line.price}"
    elif line.offer.name is None and not line.offer.products:
        price = ", unknown to the catalogue"
    else:
        price = " without a price"
    return price if line.expected_price is None else f"{price}, expected at {line.expected_price}"


def _describe_verdict(event: BasketValidated) -> str:
    findings = (*event.blocked_products, *event.validation_errors)
    errors = _list_findings(finding for finding in findings if finding.severity == "error")
    warnings = _list_findings(finding for finding in findings if finding.severity == "warning")
    said = "judged ready" if event.ready else "judged not ready"
    if errors:
        said = f"{said}: {errors}"
    return f"{said}; warned of {warnings}" if warnings else said


def _list_findings(findings: Iterable[Finding]) -> str:
    # Two lines of one offer can have the same finding, which is listed once.
    listed = [*dict.fromkeys(map(_describe_finding, findings))]
    more = len(listed) - MAX_FINDINGS_LISTED
    return ", ".join(listed[:MAX_FINDINGS_LISTED]) + (f" and {more} more" if more > 0 else "")


def _describe_finding(finding: Finding) -> str:
    about = finding.product_code or finding.offer_id
    return f"{finding.code} ({about})" if about else finding.code


def _line_name(line: OrderItem) -> str:
    """A line by its offer version."""
    offer = f"{line.offer.id} {line.offer.version}"
    return f"add-on {offer}" if line.type == "add_on" else offer


def _name(id: str, line: OrderItem | None) -> str:
    return _line_name(line) if line is not None else f"line {id}"
