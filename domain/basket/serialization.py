"""A basket as callers see it: the `order` of responses and the `checkout` of a verdict.

Line ids are UUIDs in lower case. Older releases stored callers' own ids as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pydantic_core
from pydantic import BaseModel

from domain.basket.basket import Basket
from domain.basket.commands import Validated
from domain.basket.events import OrderItem
from domain.basket.rendered_parts import RenderedLine
from domain.shared.findings import Assessment, Finding, Remedy
from domain.shared.money import ExpectedPrice, Money, Price
from domain.shared.totals import LineAmount, Sums, add_up, line_amount
from domain.shared.values import OpenMap

Document = dict[str, Any]


def _part(value: object) -> object:
    """A model as JSON. A struct can be a part of a document as it is."""
    return msgspec.Raw(pydantic_core.to_json(value)) if isinstance(value, BaseModel) else value


def _encode_model(value: object) -> object:
    if isinstance(value, BaseModel):
        return _part(value)
    raise NotImplementedError(f"{type(value).__name__} is no part of a document")


LARGEST_KEPT = 4096
"""Bytes of JSON that are kept with a basket for each of its lines, and for its details: the caches of baskets count
lines. What is larger is rendered again."""

to_json = msgspec.json.Encoder(enc_hook=_encode_model).encode
"""A document as JSON. It takes models, and parts that are JSON already (`msgspec.Raw`)."""


def serialize_money(money: Money | None) -> Document | None:
    return None if money is None else {"amount": str(money.amount), "currency": money.currency}


def serialize_price(price: Price | None) -> Document | None:
    if price is None:
        return None
    return {"amount": str(price.amount), "currency": price.currency, "interval": price.interval}


def _serialize_sums(sums: Sums) -> Document:
    totals = [
        {"amount": str(amount), "currency": currency, "interval": interval}
        for (interval, currency), amount in sums.amounts
    ]
    only = sums.only_amount
    if only is None:
        return {"totals": totals, "total": None, "payable": None}
    amount, currency = only
    return {
        "totals": totals,
        "total": {"amount": str(amount), "currency": currency},
        "payable": {"amount": str(sums.payable), "currency": currency},
    }


def _serialize_expected(price: ExpectedPrice | None) -> Document | None:
    """As the caller named it: without an interval if it named none."""
    return serialize_money(price) if price is None or price.any_interval else serialize_price(price)


def entity_tag(version: int) -> str:
    """A basket's version as `ETag` and `If-Match` carry it."""
    return f'"{version}"'


def order_json(basket: Basket) -> bytes:
    """The order as JSON. Money is a decimal string, times are RFC 3339. An unpriced line has no price, and then the
    order has no total.

    Parts that did not change are joined as they were rendered before (decision 0062).
    """
    rendered = basket.rendered
    if (whole := rendered.whole) is not None and whole[:2] == (basket.version, basket.status):
        return whole[2]
    lines = _render_lines(basket)
    version = basket.version
    if rendered.sums is None or rendered.sums[0] != version:
        rendered.sums = (version, add_up([line.amount for line in lines]))
    head, details = _render_details(basket)
    tail = {
        **_serialize_sums(basket.sums),
        "created": basket.created_on,
        "modified": basket.modified_on,
        "expiresAt": basket.expires_at,
    }
    json = b'%b,"status":"%b","version":%d,%b,"orderItems":[%b],%b' % (
        head,
        basket.status.encode(),
        version,
        details,
        b",".join([line.json for line in lines]),
        to_json(tail)[1:],
    )
    if len(json) <= LARGEST_KEPT * (1 + len(lines)):
        rendered.whole = (version, basket.status, json)
    return json


def serialize_order(basket: Basket) -> Document:
    """The order as plain JSON values."""
    document: Document = pydantic_core.from_json(order_json(basket))
    return document


def state_json(basket: Basket) -> bytes:
    """A basket as a whole: what GET answers, and the message on `checkout.baskets.v1`."""
    return b'{"id":%b,"order":%b}' % (to_json(basket.id), order_json(basket))


def _render_lines(basket: Basket) -> list[RenderedLine]:
    """The lines in their order. Renders those that are new."""
    kept = basket.rendered.lines
    lines: list[RenderedLine] = []
    for id, item in basket.items.items():
        line = kept.get(id)
        if line is None or line.item is not item:
            line = kept[id] = _render_line(item)
        lines.append(line)
    if len(kept) > len(lines):
        # In place: forks that were given up, as while the store is away, leave their lines in the dictionary of all.
        kept.clear()
        kept.update(zip(basket.items, lines, strict=True))
    return lines


def _render_line(item: OrderItem) -> RenderedLine:
    beginning = {"id": item.id.lower(), "type": item.type, "parentId": item.parent_id and item.parent_id.lower()}
    end, amount = _shared_end(item) if type(item) is OrderItem else _render_end(item)
    return RenderedLine(item, b"%b,%b" % (to_json(beginning)[:-1], end), amount)


_End = tuple[bytes, LineAmount | None]

_MOST_ENDS = 2048
_ends: dict[tuple[int, int, int, int], tuple[_End, OrderItem]] = {}


def _shared_end(item: OrderItem) -> _End:
    """New lines share the catalogue's offers and prices, so that those of other baskets have ended alike."""
    # An entry holds a line with these parts, so that nothing else gets their places.
    key = (id(item.offer), id(item.price), id(item.expected_price), item.quantity)
    if (found := _ends.get(key)) is not None:
        return found[0]
    end = _render_end(item)
    if len(end[0]) <= LARGEST_KEPT:
        if len(_ends) >= _MOST_ENDS:
            _ends.clear()
        _ends[key] = (end, item)
    return end


def _render_end(item: OrderItem) -> _End:
    """A line from its quantity on, and what it comes to."""
    amount = line_amount(item.price, item.quantity)
    document = {
        "quantity": item.quantity,
        "offer": _part(item.offer),
        "price": serialize_price(item.price),
        "expectedPrice": _serialize_expected(item.expected_price),
        "lineTotal": None if amount is None else {"amount": str(amount[1]), "currency": amount[0][1]},
    }
    return to_json(document)[1:], amount


def _render_details(basket: Basket) -> tuple[bytes, bytes]:
    """The order's members that only the details decide: up to its status with the first brace, and those after its
    version."""
    details, kept = basket.details, basket.rendered.details
    if kept is not None and kept[0] is details:
        return kept[1]
    head = to_json({"id": basket.id, "external_id": details.external_id})[:-1]
    document = {
        "country": details.country,
        "currency": details.currency,
        "market": _market(basket),
        "source": details.source,
        "order_type": details.order_type,
        "tracking": _open_map(details.tracking),
        "customFields": _open_map(details.custom_fields),
        "dataSubject": details.data_subject,
        "customerDetails": _open_map(details.customer_details),
        "billingDetails": _open_map(details.billing_details),
        "deliveryDetails": _open_map(details.delivery_details),
    }
    json = head, to_json(document)[1:-1]
    if len(json[0]) + len(json[1]) <= LARGEST_KEPT:
        basket.rendered.details = (details, json)
    return json


_EMPTY_MAP = msgspec.Raw(b"{}")


def _open_map(content: OpenMap) -> msgspec.Raw:
    """pydantic writes what callers sent, so that its numbers keep the form that they had: 1e+22, not 1e22."""
    if isinstance(content, msgspec.Raw):
        return content
    return msgspec.Raw(pydantic_core.to_json(content)) if content else _EMPTY_MAP


def _market(basket: Basket) -> Document:
    return {"country": basket.market_country, "source": basket.country_source}


def serialize_summary(basket: Basket) -> Document:
    """A basket in a list: what its order says of the same names, the number of its lines, and the last verdict. It has
    no personal data."""
    details = basket.details
    return {
        "id": basket.id,
        "external_id": details.external_id,
        "status": basket.status,
        "version": basket.version,
        "country": details.country,
        "currency": details.currency,
        "market": _market(basket),
        **_serialize_sums(basket.sums),
        "lines": len(basket.items),
        "ready": basket.ready,
        "created": basket.created_on,
        "modified": basket.modified_on,
        "expiresAt": basket.expires_at,
    }


def verdict_json(validated: Validated) -> bytes:
    """The whole verdict: the response to a validation, and the message on `checkout.validation-results.v1`."""
    before, verdict = validated.before, validated.verdict
    document = {
        "id": before.id,
        "checkout": msgspec.Raw(order_json(before)),
        "ready": verdict.ready,
        "blockedProducts": _findings(verdict.blocked_products),
        "validationErrors": _findings(verdict.validation_errors),
        "basketVersion": before.version,
        "validatedAt": validated.basket.modified_on,
        "evidence": verdict.evidence,
        "passed": [{"codes": each.codes, "evidence": each.evidence} for each in verdict.passed],
        "promise": validated.promise,
        "remedy": serialize_remedy(validated.remedy, validated.basket.version),
    }
    return to_json(document)


def serialize_assessment(assessment: Assessment, version: int) -> Document:
    """The findings of a basket at a version, as calls that include them answer."""
    verdict = assessment.verdict
    return {
        "ready": verdict.ready,
        "blockedProducts": _findings(verdict.blocked_products),
        "validationErrors": _findings(verdict.validation_errors),
        "remedy": serialize_remedy(assessment.remedy, version),
    }


def serialize_remedy(remedy: Remedy | None, version: int) -> Document | None:
    """The remedy of a basket at a version, as callers send it on: `ifMatch` is the header `If-Match`."""
    if remedy is None:
        return None
    return {
        "ifMatch": entity_tag(version),
        "orderItemActions": remedy.order_item_actions,
        "leadsTo": remedy.leads_to,
    }


def _findings(findings: Sequence[Finding]) -> list[Finding]:
    return [
        finding if id is None or id == id.lower() else finding.model_copy(update={"order_item_id": id.lower()})
        for finding in findings
        for id in (finding.order_item_id,)
    ]
