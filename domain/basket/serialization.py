"""A basket as callers see it: the `order` of responses and the `checkout` of a verdict.

Line ids are UUIDs in lower case. Older releases stored callers' own ids as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.basket.basket import Basket
from domain.basket.commands import Validated
from domain.basket.events import OrderItem
from domain.shared.findings import Assessment, Finding, Remedy
from domain.shared.money import ExpectedPrice, Money, Price
from domain.shared.totals import sum_up

Document = dict[str, Any]


def serialize_money(money: Money | None) -> Document | None:
    return None if money is None else {"amount": str(money.amount), "currency": money.currency}


def serialize_price(price: Price | None) -> Document | None:
    if price is None:
        return None
    return {"amount": str(price.amount), "currency": price.currency, "interval": price.interval}


def _serialize_expected(price: ExpectedPrice | None) -> Document | None:
    """As the caller named it: without an interval if it named none."""
    return serialize_money(price) if price is None or price.any_interval else serialize_price(price)


def entity_tag(version: int) -> str:
    """A basket's version as `ETag` and `If-Match` carry it."""
    return f'"{version}"'


def serialize_order(basket: Basket) -> Document:
    """Money as decimal strings, times in RFC 3339. An unpriced line has no price, and then the order has no total."""
    details, items = basket.details, basket.items.values()
    line_totals = [item.line_total for item in items]
    sums = sum_up(line_totals)
    return {
        "id": basket.id,
        "external_id": details.external_id,
        "status": basket.status,
        "version": basket.version,
        "country": details.country,
        "currency": details.currency,
        "market": _market(basket),
        "source": details.source,
        "order_type": details.order_type,
        "tracking": details.tracking,
        "customFields": details.custom_fields,
        "dataSubject": details.data_subject,
        "customerDetails": details.customer_details,
        "billingDetails": details.billing_details,
        "deliveryDetails": details.delivery_details,
        "orderItems": [_item_document(item, total) for item, total in zip(items, line_totals, strict=True)],
        "totals": [serialize_price(each) for each in sums.totals],
        "total": serialize_money(sums.total),
        "payable": serialize_money(sums.payable),
        "created": basket.created_on,
        "modified": basket.modified_on,
        "expiresAt": basket.expires_at,
    }


def serialize_state(basket: Basket) -> Document:
    """A basket as a whole: what GET answers, and the message on `checkout.baskets.v1`."""
    return {"id": basket.id, "order": serialize_order(basket)}


def _market(basket: Basket) -> Document:
    return {"country": basket.market.country, "source": basket.country_source}


def serialize_summary(basket: Basket) -> Document:
    """A basket in a list: what its order says of the same names, the number of its lines, and the last verdict. It has
    no personal data."""
    details, sums = basket.details, basket.sums
    return {
        "id": basket.id,
        "external_id": details.external_id,
        "status": basket.status,
        "version": basket.version,
        "country": details.country,
        "currency": details.currency,
        "market": _market(basket),
        "totals": [serialize_price(each) for each in sums.totals],
        "total": serialize_money(sums.total),
        "payable": serialize_money(sums.payable),
        "lines": len(basket.items),
        "ready": basket.ready,
        "created": basket.created_on,
        "modified": basket.modified_on,
        "expiresAt": basket.expires_at,
    }


def _item_document(item: OrderItem, line_total: Price | None) -> Document:
    return {
        "id": item.id.lower(),
        "type": item.type,
        "parentId": item.parent_id and item.parent_id.lower(),
        "quantity": item.quantity,
        "offer": item.offer,
        "price": serialize_price(item.price),
        "expectedPrice": _serialize_expected(item.expected_price),
        "lineTotal": serialize_money(line_total),
    }


def serialize_verdict(validated: Validated) -> Document:
    """The whole verdict: the response to a validation, and the message on `checkout.validation-results.v1`."""
    before, verdict = validated.before, validated.verdict
    return {
        "id": before.id,
        "checkout": serialize_order(before),
        "ready": verdict.ready,
        "blockedProducts": _findings(verdict.blocked_products),
        "validationErrors": _findings(verdict.validation_errors),
        "basketVersion": before.version,
        "validatedAt": validated.basket.modified_on,
        "evidence": verdict.evidence,
        "passed": verdict.passed,
        "promise": validated.promise,
        "remedy": serialize_remedy(validated.remedy, validated.basket.version),
    }


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
