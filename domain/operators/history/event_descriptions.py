"""What happened to a basket in words: one sentence for each event, in the field's own terms.

Words name lines by their offers, so they need the basket as it was before. Of `tracking` and `customFields` they
say which entries differ, never what these hold: that may be personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import assert_never

from domain.basket.basket import Basket
from domain.basket.events import (
    BasketCompleted,
    BasketDetails,
    BasketDetailsChanged,
    BasketEvent,
    BasketExpired,
    BasketInitiated,
    BasketPersonalDataForgotten,
    BasketValidated,
    OrderItem,
    OrderItemAdded,
    OrderItemPriceExpected,
    OrderItemQuantityChanged,
    OrderItemRemoved,
    UnknownEvent,
)
from domain.shared.eventsourcing import DomainEvent
from domain.shared.findings import Finding
from domain.shared.printable import printable
from domain.shared.values import Money, json_equal

MAX_FINDINGS_LISTED = 12
"""Of one severity; a basket of hundreds of lines can have thousands, and the event holds them all."""

_LABELS = {
    "external_id": "external id",
    "country": "country",
    "currency": "currency",
    "source": "source",
    "order_type": "order type",
}
_OPEN_MAPS = {"tracking": "tracking", "custom_fields": "custom fields"}


def describe_event(event: DomainEvent, before: Basket | None) -> str:
    """The event in one sentence; `before` is the basket before it, None where that is not known."""
    return printable(_words(event, before))


def _words(event: DomainEvent, before: Basket | None) -> str:  # noqa: PLR0912  a sentence for each event
    if isinstance(event, UnknownEvent):
        return f"{event.type}: of a later release than this one, passed over"
    known: BasketEvent = event  # type: ignore[assignment]  # whatever is read from a store is one of these
    lines = before.items if before is not None else {}
    match known:
        case BasketInitiated():
            return _initiated(known)
        case BasketDetailsChanged():
            return _details_changed(known, before.details if before is not None else None)
        case OrderItemAdded(order_item=line):
            return f"{_added(line)}{_under(line, lines.get(line.parent_id or ''))}{_at(line)}"
        case OrderItemRemoved(order_item_id=id):
            along = " along with its offer" if known.reason == "parent_removed" else ""
            return f"{_counted(id, lines.get(id))} removed{along}"
        case OrderItemQuantityChanged(order_item_id=id):
            return f"quantity of {_named(id, lines.get(id))} from {known.before} to {known.after}"
        case OrderItemPriceExpected(order_item_id=id):
            return _expected(_named(id, lines.get(id)), known.before, known.after)
        case BasketValidated():
            return _judged(known)
        case BasketExpired():
            return "expired"
        case BasketCompleted(order_id=None):
            return "completed by an order that was not named"
        case BasketCompleted():
            return f"completed by order {known.order_id}"
        case BasketPersonalDataForgotten():
            return "personal data forgotten: tracking and custom fields are gone"
        case _:
            assert_never(known)


def line_name(line: OrderItem) -> str:
    """A line by its offer version, and as an add-on where it is one."""
    offer = f"{line.offer.id} {line.offer.version}"
    return f"add-on {offer}" if line.type == "add_on" else offer


def time_words(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe_details(before: BasketDetails, after: BasketDetails) -> list[str]:
    """What differs between two sets of details, each difference on its own."""
    said: list[str] = []
    for name, label in _LABELS.items():
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            said.append(describe_change(label, was, is_now))
    for name, label in _OPEN_MAPS.items():
        keys = _differing(getattr(before, name), getattr(after, name))
        if keys:
            said.append(f"{label} differ in {', '.join(keys)}")
    return said


def describe_change(label: str, before: object, after: object) -> str:
    """A value that was, is, or is no longer there."""
    if before is None:
        return f"{label} now {after}"
    if after is None:
        return f"{label} no longer {before}"
    return f"{label} from {before} to {after}"


def _initiated(event: BasketInitiated) -> str:
    details = event.details
    said = [
        f"{label} {getattr(details, name)}"
        for name, label in _LABELS.items()
        if getattr(details, name) is not None
    ]
    said += [
        f"{label} {', '.join(sorted(getattr(details, name)))}"
        for name, label in _OPEN_MAPS.items()
        if getattr(details, name)
    ]
    said.append(f"open until {time_words(event.expires_at)}")
    return f"initiated by {event.partner}: {', '.join(said)}"


def _details_changed(event: BasketDetailsChanged, before: BasketDetails | None) -> str:
    said = describe_details(before, event.details) if before is not None else []
    return "; ".join(said) or f"{', '.join(event.changed)} changed"


def _added(line: OrderItem) -> str:
    return f"{line.quantity} × {line_name(line)} added"


def _under(line: OrderItem, parent: OrderItem | None) -> str:
    if line.parent_id is None:
        return ""
    return f" under {_named(line.parent_id, parent)}"


def _at(line: OrderItem) -> str:
    if line.price is not None:
        price = f" at {line.price}"
    elif line.offer.name is None and not line.offer.products:
        price = ", unknown to the catalogue"
    else:
        price = " without a price"
    return price if line.expected_price is None else f"{price}, expected at {line.expected_price}"


def _expected(name: str, before: Money | None, after: Money | None) -> str:
    return describe_change(f"expected price of {name}", before, after)


def _judged(event: BasketValidated) -> str:
    findings = (*event.blocked_products, *event.validation_errors)
    errors = _told(finding for finding in findings if finding.severity == "error")
    warnings = _told(finding for finding in findings if finding.severity == "warning")
    said = "judged ready" if event.ready else "judged not ready"
    if errors:
        said = f"{said}: {errors}"
    return f"{said}; warned of {warnings}" if warnings else said


def _told(findings: Iterable[Finding]) -> str:
    # A code about the same thing twice (two lines of one offer) is told once.
    told = [*dict.fromkeys(map(_finding, findings))]
    more = len(told) - MAX_FINDINGS_LISTED
    return ", ".join(told[:MAX_FINDINGS_LISTED]) + (f" and {more} more" if more > 0 else "")


def _finding(finding: Finding) -> str:
    about = finding.product_code or finding.offer_id
    return f"{finding.code} ({about})" if about else finding.code


def _named(id: str, line: OrderItem | None) -> str:
    return line_name(line) if line is not None else f"line {id}"


def _counted(id: str, line: OrderItem | None) -> str:
    return f"{line.quantity} × {line_name(line)}" if line is not None else f"line {id}"


def _differing(before: dict[str, object], after: dict[str, object]) -> Collection[str]:
    missing = object()
    return sorted(
        key
        for key in before.keys() | after.keys()
        if not json_equal(before.get(key, missing), after.get(key, missing))
    )
