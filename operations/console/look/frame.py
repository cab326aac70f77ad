"""Around every page: the ways to the others, who is signed in, and whether all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from nicegui import ui

from operations.console.look.telling import duration
from operations.console.look.things import box, icon, round_button, words
from operations.console.standing import Standing

WAYS = (
    ("/", "Overview", "monitoring"),
    ("/baskets", "Baskets", "shopping_basket"),
    ("/dead-letters", "Dead letters", "mail"),
    ("/rebuilds", "Rebuilds", "sync"),
    ("/audit", "Audit", "fact_check"),
)
CHECK_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Heading:
    """The place of a page's heading for buttons, and of all below it."""

    deeds: ui.element


@contextmanager
def frame(
    standing: Standing, title: str, here: str, sub: str = "", trail: tuple[str, str] | None = None
) -> Iterator[Heading]:
    """A page with its heading; `here` is the way that is marked, `trail` the name and path of the page above."""
    session = standing.session
    ui.page_title(f"{title} · Partner checkout")
    dark = ui.dark_mode(session.dark)
    with box("side", tag="nav").props('aria-label="Pages"'):
        with ui.link(target="/").classes("brand"):
            icon("shopping_basket", "mark")
            with box(tag="span"):
                words("Partner checkout")
                words("operations", tag="small")
        counts = {path: _way(path, name, symbol, here) for path, name, symbol in WAYS}
        box("spring")
        with box("who"):
            words(session.identity.subject, "name", tag="div", title=session.identity.subject)
            left = session.identity.expires_at - datetime.now(UTC).timestamp()
            words(f"signed in for {duration(left)}", "note", tag="div")
            with box("deeds"):
                _eyes(standing, dark)
                _sign_out()
    with box("main", tag="main"):
        with box("top"):
            with box():
                if trail is not None:
                    with box("trail"):
                        ui.link(trail[0], trail[1])
                words(title, tag="h1")
                if sub:
                    words(sub, "sub", tag="div")
            deeds = box("deeds")
            with deeds, box("only-narrow"):
                _narrow_account(standing, dark)
        yield Heading(deeds)

    async def look() -> None:
        if not await standing.signed_in():
            ui.navigate.to("/sign-in")
            return
        counts["/dead-letters"].set_text(standing.dead_letters_in_words())

    ui.timer(CHECK_EVERY, look)
    counts["/dead-letters"].set_text(standing.dead_letters_in_words())
