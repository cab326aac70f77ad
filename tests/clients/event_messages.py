"""Messages of basket events, as the service publishes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

NEW_VALUE = "checkout.basket-expired.v1"
AT = "2026-11-28T10:00:00.123456Z"


def basket_id(number: int) -> str:
    return f"basket-0198b2c4-5d7e-7abc-8def-{number:012d}"


def event_headers(basket: str, version: int, index: int, count: int, **more: str) -> dict[str, str]:
    """The headers of event `index` of the `count` that one request made."""
    return {
        "ce_specversion": "1.0",
        "ce_id": f"{basket}/{version}",
        "ce_source": f"/partner/checkout/baskets/{basket}",
        "ce_type": "checkout.basket-expired.v1",
        "ce_subject": basket,
        "ce_time": AT,
        "ce_sequence": f"{version:010d}",
        "ce_partnerorg": "store-367",
        "ce_requestindex": str(index),
        "ce_requestcount": str(count),
        **more,
    }


def old_headers(basket: str, version: int) -> dict[str, str]:
    """The form before requests were named."""
    named = event_headers(basket, version, 1, 1)
    del named["ce_requestindex"], named["ce_requestcount"]
    return {**named, "ce_source": "/partner/checkout", "ce_sequence": str(version)}


def event_value(basket: str, version: int, **members: Any) -> bytes:
    event: Mapping[str, Any] = {"type": NEW_VALUE, "basketId": basket, "version": version, "occurredAt": AT, **members}
    return json.dumps(event).encode()
