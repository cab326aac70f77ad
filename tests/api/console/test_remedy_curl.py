"""The command that sends a remedy: what a shell makes of it, whatever ids hold."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.console.remedy_curl import UnusableAddress, remedy_curl
from domain.operators.history.verdict_reader import RemedyCall
from domain.shared.findings import (
    LeadsTo,
    LinePriceAcceptance,
    LineQuantityChange,
    LineRemoval,
    LineSwap,
    Remedy,
    RemedyAction,
)
from domain.shared.money import Price
from domain.shared.values import OfferRef
from tests.api.console.shell_words import curl_request, shell_arguments
from tests.builders import basket_id

ADDRESS = "https://shop.example:8443"
SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]
HOSTILE_IDS = [
    "'; touch /tmp/taken; '",
    '"$(touch /tmp/taken)"',
    "`id`",
    "$TOKEN ${TOKEN}",
    "!! !-1 ^a^b",
    "\\' \\\\",
    "@/etc/passwd",
    "-o /tmp/taken",
    "a\u202eb\u2028c \u00e4 \U0001f512",
    "$'\\n' #",
    "%0a {1,2} [a-z] *",
    "' \"'\"' '",
]


def remedy_of(*actions: RemedyAction) -> RemedyCall:
    leads_to = LeadsTo(ready=True, total=None, remaining=())
    return RemedyCall.at(7, Remedy(order_item_actions=actions, leads_to=leads_to))


def actions_on(id: str, offer: str = "o-1") -> tuple[RemedyAction, ...]:
    price = Price(amount=Decimal("9.90"), currency="GBP", interval="P1M")
    return (
        LineRemoval(id=id),
        LineQuantityChange(id=id, quantity=3),
        LineSwap(id=id, offer=OfferRef(id=offer, version=offer)),
        LinePriceAcceptance(id=id, expected_price=price),
    )


def test_it_is_the_call_of_an_update() -> None:
    command = remedy_curl(ADDRESS, "landing_state", basket_id(), remedy_of(*actions_on("line-1")))

    sent = curl_request(shell_arguments(command, "a.b.c"))

    assert (sent.method, sent.url) == ("PUT", "https://shop.example:8443/partner/checkout/update")
    assert sent.headers == {
        "Authorization": "Bearer a.b.c",
        "Content-Type": "application/json",
        "If-Match": '"7"',
        "Cookie": f"landing_state=%7B%22basketId%22%3A%22{basket_id()}%22%7D",
    }
    assert json.loads(sent.body) == {
        "orderItemActions": [
            {"orderItemActionType": "remove", "id": "line-1"},
            {"orderItemActionType": "change_quantity", "id": "line-1", "quantity": 3},
            {"orderItemActionType": "swap", "id": "line-1", "offer": {"id": "o-1", "version": "o-1"}},
            {
                "orderItemActionType": "expect_price",
                "id": "line-1",
                "expectedPrice": {"amount": "9.90", "currency": "GBP", "interval": "P1M"},
            },
        ]
    }


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("id", HOSTILE_IDS)
def test_no_id_breaks_out_of_its_word(shell: str, id: str) -> None:
    command = remedy_curl(ADDRESS, "landing_state", id, remedy_of(*actions_on(id, id)))

    sent = curl_request(shell_arguments(command, "token", shell))

    assert {action["id"] for action in json.loads(sent.body)["orderItemActions"]} == {id}
    assert sent.headers["Authorization"] == "Bearer token"
    assert command.isascii()
    assert all(line.isprintable() for line in command.split("\n"))


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_reaches_the_body_as_it_is(text: str) -> None:
    command = remedy_curl(ADDRESS, "c", basket_id(), remedy_of(LineRemoval(id=text)))

    sent = curl_request(shell_arguments(command, "token"))

    assert json.loads(sent.body)["orderItemActions"] == [{"orderItemActionType": "remove", "id": text}]
    assert all(line.isprintable() and line.isascii() for line in command.split("\n"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://[::1]:8080", "https://shop.example/prefix"])
def test_an_address_with_or_without_a_prefix_is_taken(address: str) -> None:
    command = remedy_curl(address, "c", basket_id(), remedy_of(LineRemoval(id="a")))

    assert curl_request(shell_arguments(command, "t")).url == f"{address}/partner/checkout/update"


@pytest.mark.parametrize(
    "address",
    [
        *("", "null", "file:///etc", "javascript:alert(1)", "http://", "https://a\nb", "-v"),
        *("https://shop.example@other.example", "https://shop.example:1.other.example", "https://shop.example?x"),
    ],
)
def test_no_address_of_a_server_is_refused(address: str) -> None:
    with pytest.raises(UnusableAddress):
        remedy_curl(address, "c", basket_id(), remedy_of(LineRemoval(id="a")))
