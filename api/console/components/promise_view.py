"""Draws the promise of a ready verdict."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from adapters.promises.jws import read_promise
from api.console.components.widgets import box, copyable_text, definition_list, panel, safe_text, time_text
from domain.ports.promises import InvalidPromise


def draw_promise(token: str) -> None:
    """The promise as a panel, with what it says. Its signature is not checked."""
    said: list[tuple[str, object]] = [("Token", partial(copyable_text, token, "the promise"))]
    with suppress(InvalidPromise):  # a later release may have another form
        unverified = read_promise(token)
        promise = unverified.promise
        said = [
            ("Counts until", partial(time_text, promise.expires_at, "", unit=" UTC")),
            ("Total", "no single total" if promise.total is None else str(promise.total)),
            ("Key", partial(safe_text, unverified.key_id, "mono")),
            *said,
        ]
    with panel("Promise", "what order services may rely on, signed", marker="promise"), box("body"):
        definition_list(said)
