from __future__ import annotations

import pytest

from adapters.kafka.order_messages import InvalidOrderMessage, parse_order
from tests.builders import basket_id

ID = basket_id().encode()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"orderId": "o-1", "orderId": "o-2"}', "the member /orderId is repeated"),
        (b'{"orderId": "o-1", "lines": [{"a": 1, "a": 1}]}', "the member /lines/0/a is repeated"),
        (b'{"orderId": "o-1"} {}', "trailing characters"),
        (b'{"orderId": NaN}', "expected value"),
        (b'\xef\xbb\xbf{"orderId": "o-1"}', "expected value"),
        (b"[" * 100_000, "recursion limit"),
    ],
)
def test_a_contradictory_or_empty_order_is_refused(value: bytes, why: str) -> None:
    with pytest.raises(InvalidOrderMessage, match=why):
        parse_order(ID, value)
