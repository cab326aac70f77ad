"""What a basket takes of a cache. Caches count lines, and a partner can make one basket as large as a thousand."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from sys import getsizeof

from domain.basket.basket import Basket
from domain.basket.events import OPEN_MAPS, BasketDetails

DETAIL_BYTES = 2048
"""So many bytes of details weigh as a line: their JSON is kept too, alone and in the order."""
LINE_PRODUCTS = 16
"""So many products of the lines weigh as another line."""


def weigh(basket: Basket) -> int:
    """In lines, each of 3 to 4 KB: one for the basket, one for each line, and more for large details and for lines of
    many products."""
    products = sum(map(len, map(_products, basket.items.values())))
    return 1 + len(basket.items) + products // LINE_PRODUCTS + _details_bytes(basket) // DETAIL_BYTES


_products = attrgetter("offer.products")


def _details_bytes(basket: Basket) -> int:
    # Worked out once: they can hold a hundred thousand values, and most updates leave them alone.
    details, known = basket.details, basket.rendered.details_bytes
    if known is None or known[0] is not details:
        known = basket.rendered.details_bytes = (details, _maps_bytes(details))
    return known[1]


def _maps_bytes(details: BasketDetails) -> int:
    values = details.__dict__
    return sum([bytes_of(values[name]) for name in OPEN_MAPS if values[name]])


def bytes_of(value: object) -> int:
    """The memory of a JSON value with all that is in it. What stands there twice counts twice."""
    size = getsizeof(value)
    if type(value) is dict:
        return size + sum(map(bytes_of, chain(value, value.values())))
    if type(value) is list:
        return size + sum(map(bytes_of, value))
    return size
