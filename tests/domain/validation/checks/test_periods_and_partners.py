"""Availability that holds for a period, and prices for one partner organisation."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.builders import NOW, SECOND, availability, basket, line, money, price
from tests.domain.validation.verdicts import KNOWN, TICK, codes, found, verdict

DAY = timedelta(days=1)

# availability with a period


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW - SECOND, []),
        (NOW, ["product_blocked"]),
        (NOW + 3 * SECOND - TICK, ["product_blocked"]),
        (NOW + 3 * SECOND, []),
    ],
)
def test_a_block_holds_from_its_beginning_until_before_its_end(now: datetime, expected: list[str]) -> None:
    recall = availability("SKU-1", status="blocked", valid_from=NOW, valid_until=NOW + 3 * SECOND, sequence=2)
    assert codes(basket(line("line-1")), *KNOWN, recall, now=now) == expected


def test_a_finding_says_how_long_its_availability_holds_and_names_its_fact() -> None:
    for status, code in (
        ("blocked", "product_blocked"),
        ("discontinued", "product_discontinued"),
        ("out_of_stock", "product_out_of_stock"),
    ):
        now_only = availability("SKU-1", status=status, valid_from=NOW, valid_until=NOW + SECOND, sequence=2)
        finding = found(code, basket(line("line-1")), *KNOWN, now_only)
        assert (finding.data["validFrom"], finding.data["validUntil"]) == (
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:01Z",
        )
        assert now_only.fact_id in finding.evidence
        assert KNOWN[2].fact_id not in finding.evidence
    for quantity, code in ((1, "product_low_stock"), (0, "product_out_of_stock")):
        scarce = availability("SKU-1", quantity=quantity, valid_until=NOW + SECOND, sequence=2)
        finding = found(code, basket(line("line-1")), *KNOWN[:2], scarce)
        assert (finding.data["validFrom"], finding.data["validUntil"]) == (None, "2026-11-23T12:00:01Z")


def test_without_any_availability_that_holds_there_is_no_limit() -> None:
    over = availability("SKU-1", quantity=0, valid_until=NOW)
    ahead = availability("SKU-1", quantity=0, valid_from=NOW + SECOND)
    judged = verdict(basket(line("line-1", quantity=9999)), *KNOWN[:2], over, ahead)
    assert judged.ready
    assert not any("availability" in id for id in judged.evidence)


# a price for a partner


def test_the_partners_own_price_is_the_current_one_and_the_evidence() -> None:
    own = price("o-1", "8.00", partner="acme")
    other = price("o-1", "1.00", partner="globex", sequence=9)
    given = basket(line("line-1", price=money("10.00")))
    finding = found("price_changed", given, *KNOWN, own, other)
    assert finding.data["currentPrice"] == {"amount": "8.00", "currency": "GBP"}
    assert finding.evidence == (KNOWN[0].fact_id, own.fact_id)
    assert codes(basket(line("line-1", price=money("8.00"))), *KNOWN, own, other) == []


def test_a_price_for_another_partner_is_none_at_all() -> None:
    others = (
        price("o-1", "1.00", partner="globex"),
        price("o-1", "1.00", "EUR", partner="globex"),
        price("o-1", "1.00", "USD", partner="globex", valid_from=NOW + DAY),
    )
    for currency in ("GBP", None):
        judged = verdict(basket(line("line-1"), currency=currency), KNOWN[0], *others)
        assert "globex" not in judged.model_dump_json()
        finding = found("price_missing", basket(line("line-1"), currency=currency), KNOWN[0], *others)
        assert (finding.data["currencies"], finding.data["validFrom"]) == ([], None)


def test_when_the_partners_own_price_ends_the_general_one_follows() -> None:
    own = price("o-1", "8.00", partner="acme", valid_until=NOW + SECOND)
    given = basket(line("line-1", price=money("8.00")))
    finding = found("price_expires_soon", given, *KNOWN, own)
    assert finding.data["nextPrice"] == {"amount": "10.00", "currency": "GBP"}
    after = found("price_changed", given, *KNOWN, own, now=NOW + SECOND)
    assert after.data["currentPrice"] == {"amount": "10.00", "currency": "GBP"}
