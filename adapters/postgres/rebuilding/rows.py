"""Rows of basket views as PostgreSQL's COPY takes them in binary. The driver's own way looks up how to write each value
of each row; here that is known, and texts that many rows have are written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct

from domain.ports import BasketView

VIEW_COLUMNS = (
    *("basket_id", "version", "partner", "external_id", "status", "created", "modified", "expires_at"),
    *("snapshot", "ready", "offers", "products", "finding_codes"),
)
USE_COLUMNS = ("basket_id", "name")

REMEMBERED = 50_000

_BEGINS = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_ENDS = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_A_VIEW = len(VIEW_COLUMNS).to_bytes(2)
_A_USE = len(USE_COLUMNS).to_bytes(2)
_BOOLEANS = {None: _NULL, True: b"\x00\x00\x00\x01\x01", False: b"\x00\x00\x00\x01\x00"}
_size = Struct("!i").pack
_integer = Struct("!ii").pack
_times = Struct("!iqiqiq").pack
_array = Struct("!iiiiii").pack
_TEXT_TYPE = 25
_NO_TEXTS = Struct("!iiii").pack(12, 0, 0, _TEXT_TYPE)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def views_copied(views: Iterable[BasketView]) -> bytes:
    """The rows of `basket_views`, with these `VIEW_COLUMNS`."""
    return b"".join((_BEGINS, *map(_view, views), _ENDS))


def uses_copied(views: Iterable[BasketView]) -> bytes:
    """The rows of `open_basket_uses`, with these `USE_COLUMNS`."""
    rows = [_BEGINS]
    for view in views:
        if view.uses:
            row = _A_USE + _text(view.basket_id)
            rows += [row + name for name in map(_known_text, view.uses)]
    rows.append(_ENDS)
    return b"".join(rows)


def _view(view: BasketView) -> bytes:
    snapshot = view.snapshot
    return b"".join(
        (
            _A_VIEW,
            _text(view.basket_id),
            _integer(4, view.version),
            _known_text(view.partner),
            _NULL if view.external_id is None else _text(view.external_id),
            _known_text(view.status),
            _times(8, _moment(view.created), 8, _moment(view.modified), 8, _moment(view.expires_at)),
            _size(len(snapshot)),
            snapshot,
            _BOOLEANS[view.ready],
            _texts(sorted(view.offers)),
            _texts(sorted(view.products)),
            _texts(sorted(view.finding_codes)),
        )
    )


def _text(text: str) -> bytes:
    written = text.encode()
    return _size(len(written)) + written


_known_text = lru_cache(REMEMBERED)(_text)


def _texts(texts: Sequence[str]) -> bytes:
    if not texts:
        return _NO_TEXTS
    written = b"".join(map(_known_text, texts))
    return _array(20 + len(written), 1, 0, _TEXT_TYPE, len(texts), 1) + written


def _moment(moment: datetime) -> int:
    """Microseconds since the year 2000, as PostgreSQL counts time."""
    return (moment - _EPOCH) // _MICROSECOND
