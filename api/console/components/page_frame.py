"""Around every page: the ways to the others, who is signed in, and whether all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from nicegui import ui

from api.console.components.formatting import duration_text, number_text
from api.console.components.widgets import (
    PrintableText,
    box,
    icon,
    icon_button,
    safe_text,
)
from api.console.page_context import PageContext

NAVIGATION = (
    ("/", "Overview", "speed"),
    ("/baskets", "Baskets", "shopping_basket"),
    ("/dead-letters", "Dead letters", "mail"),
    ("/rebuilds", "Rebuilds", "sync"),
    ("/audit", "Audit", "fact_check"),
)
CHECK_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class PageHeading:
    """The place of a page's heading for buttons, and of all below it."""

    deeds: ui.element


@contextmanager
def page_frame(
    visit: PageContext, title: str, here: str, sub: str = "", trail: tuple[str, str] | None = None
) -> Iterator[PageHeading]:
    """A page with its heading; `here` is the way that is marked, `trail` the name and path of the page above."""
    session = visit.session
    ui.page_title(f"{title} · Partner checkout")
    # The gate lets only plain prefixes of proxies through, so that this is no way into the page.
    ui.add_head_html(f'<link rel="stylesheet" href="{visit.root}/assets/look.css">')
    dark = ui.dark_mode(session.dark)
    with box("side", tag="nav").props('aria-label="Pages"'):
        with ui.link(target="/").classes("brand"):
            icon("shopping_basket", "mark")
            with box(tag="span"):
                safe_text("Partner checkout")
                safe_text("operations", tag="small")
        counts = {path: _way(path, name, symbol, here) for path, name, symbol in NAVIGATION}
        box("spring")
        with ui.link(target="/operator-api").classes("way"):
            icon("api")
            safe_text("Operator API")
        with box("who"):
            safe_text(session.identity.subject, "name", tag="div", title=session.identity.subject)
            of_token = session.identity.expires_at - datetime.now(UTC).timestamp()
            left = min(of_token, visit.console.sessions.seconds_left(session))
            safe_text(f"signed in for {duration_text(left)}", "note", tag="div")
            with box("deeds"):
                _eyes(visit, dark)
                _sign_out(visit)
    with box("main", tag="main"):
        with box("top"):
            with box():
                if trail is not None:
                    with box("trail"):
                        ui.link(trail[0], trail[1])
                safe_text(title, tag="h1")
                if sub:
                    safe_text(sub, "sub", tag="div")
            deeds = box("deeds")
            with box("account only-narrow"):
                _eyes(visit, dark)
                _sign_out(visit)
        yield PageHeading(deeds)

    async def look() -> None:
        if not await visit.signed_in():
            ui.navigate.to("/sign-in")
            return
        tell()

    def tell() -> None:
        trend = visit.trend
        wrong = len(trend.status.problems) if trend.status is not None else 0
        for path, count in (("/", wrong), ("/dead-letters", trend.dead_letters)):
            counts[path].set_text(number_text(count) if count else "")

    tell()
    ui.timer(CHECK_EVERY, look)


def _way(path: str, name: str, symbol: str, here: str) -> PrintableText:
    """One way; gives the place of its count."""
    with ui.link(target=path).classes(f"way {'here' if path == here else ''}") as way:
        if path == here:
            way.props("aria-current=page")
        icon(symbol)
        safe_text(name)
        return safe_text("", "count")


def _eyes(visit: PageContext, dark: ui.dark_mode) -> ui.button:
    """Light, dark, or as the browser prefers."""
    following = {None: True, True: False, False: None}
    symbols = {None: "brightness_auto", True: "dark_mode", False: "light_mode"}
    names = {None: "As the browser prefers", True: "Dark", False: "Light"}

    def change() -> None:
        visit.session.dark = dark.value = following[visit.session.dark]
        made.props["icon"] = symbols[visit.session.dark]
        made.props["title"] = made.props["aria-label"] = names[visit.session.dark]

    made = icon_button(symbols[visit.session.dark], change, names[visit.session.dark])
    return made


def _sign_out(visit: PageContext) -> None:
    with box(tag="form") as form:
        form.props("method=post")
        form.props["action"] = f"{visit.root}/sign-out"
        ui.button(icon="logout", color=None).classes("quiet round").props(
            'flat dense type=submit aria-label="Sign out" title="Sign out"'
        )
