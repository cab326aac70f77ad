"""An event's metadata has the bytes that it always had: a repeated append is recognised by them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from domain.basket.basket import Basket
from domain.basket.commands import Caller
from domain.basket.events import BasketDetails
from domain.basket.repository import new_events

NOW = datetime(2026, 11, 28, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.builds(Caller, texts, texts, texts, texts, texts), texts)
def test_metadata_is_what_pydantic_would_write(caller: Caller, partner: str) -> None:
    basket = Basket.initiate(
        id="basket-1", partner=partner, details=BasketDetails(), now=NOW, expires_at=NOW.replace(year=2027)
    )
    (event,) = new_events(basket, caller)
    assert event.metadata == to_json(
        {
            "partner": partner,
            "actor": caller.actor,
            "correlationId": caller.correlation_id,
            "causationId": caller.causation_id,
            "traceparent": caller.traceparent,
            "requestVersions": [1, 1],
        }
    )
