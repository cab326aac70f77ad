"""The frame of every page: navigation, who is signed in, and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from nicegui import ui

from api.console.components.widgets import PrintableText, box, icon, icon_button, safe_text
from api.console.page_context import PageContext
from domain.shared.formatting import format_duration, format_number

NAVIGATION = (
    ("/", "Overview", "speed"),
    ("/baskets", "Baskets", "shopping_basket"),
    ("/dead-letters", "Dead letters", "mail"),
    ("/rebuilds", "Rebuilds", "sync"),
    ("/audit", "Audit", "fact_check"),
)
CHECK_SECONDS = 2.0
_COLOUR_MODES = {
    None: ("brightness_auto", "As the browser prefers"),
    True: ("dark_mode", "Dark"),
    False: ("light_mode", "Light"),
}
_NEXT_MODE = {None: True, True: False, False: None}


@dataclass(frozen=True, slots=True)
class PageHeading:
    """`actions` takes the buttons beside a page's heading."""

    actions: ui.element


@contextmanager
def page_frame(
    page: PageContext, title: str, path: str, subtitle: str = "", parent: tuple[str, str] | None = None
) -> Iterator[PageHeading]:
    """A page with its heading. `path` marks a navigation link; `parent` is the name and path of the page above."""
    session = page.session
    ui.page_title(f"{title} · Partner checkout")
    # The middleware lets only plain prefixes of proxies through, so no markup gets in here.
    ui.add_head_html(f'<link rel="stylesheet" href="{page.root}/assets/console.css">')
    dark = ui.dark_mode(session.dark)
    with box("side", tag="nav").props('aria-label="Pages"'):
        with ui.link(target="/").classes("brand"):
            icon("shopping_basket", "mark")
            with box(tag="span"):
                safe_text("Partner checkout")
                safe_text("operations", tag="small")
        counts = {target: _nav_link(target, name, symbol, path) for target, name, symbol in NAVIGATION}
        box("spring")
        with ui.link(target="/operator-api").classes("nav-link"):
            icon("api")
            safe_text("Operator API")
        with box("who"):
            safe_text(session.identity.subject, "name", tag="div", title=session.identity.subject)
            token_left = session.identity.expires_at - datetime.now(UTC).timestamp()
            left = min(token_left, page.console.sessions.seconds_left(session))
            safe_text(f"signed in for {format_duration(left)}", "note", tag="div")
            with box("actions"):
                _account_buttons(page, dark)
    with box("main", tag="main"):
        with box("top"):
            with box():
                if parent is not None:
                    with box("trail"):
                        ui.link(*parent)
                safe_text(title, tag="h1")
                if subtitle:
                    safe_text(subtitle, "sub", tag="div")
            actions = box("actions")
            with box("account only-narrow"):
                _account_buttons(page, dark)
        yield PageHeading(actions)

    async def check() -> None:
        if not await page.signed_in():
            ui.navigate.to("/sign-in")
            return
        show_counts()

    def show_counts() -> None:
        history = page.console.status_history
        problems = len(history.status.problems) if history.status is not None else 0
        for target, count in (("/", problems), ("/dead-letters", history.dead_letters)):
            counts[target].set_text(format_number(count) if count else "")

    show_counts()
    ui.timer(CHECK_SECONDS, check)


def _nav_link(target: str, name: str, symbol: str, current: str) -> PrintableText:
    """Draws a link and returns the element of its count."""
    with ui.link(target=target).classes("nav-link") as element:
        if target == current:
            element.classes("here").props("aria-current=page")
        icon(symbol)
        safe_text(name)
        return safe_text("", "count")


def _account_buttons(page: PageContext, dark: ui.dark_mode) -> None:
    """The colour mode (light, dark, as the browser prefers), and sign out."""
    session = page.session

    def change() -> None:
        session.dark = dark.value = _NEXT_MODE[session.dark]
        symbol, name = _COLOUR_MODES[session.dark]
        mode.props.update({"icon": symbol, "title": name, "aria-label": name})

    symbol, name = _COLOUR_MODES[session.dark]
    mode = icon_button(symbol, change, name)
    with box(tag="form") as form:
        form.props("method=post")
        form.props["action"] = f"{page.root}/sign-out"
        ui.button(icon="logout", color=None).classes("quiet round").props(
            'flat dense type=submit aria-label="Sign out" title="Sign out"'
        )
