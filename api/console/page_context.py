"""What all pages share, and one page that a signed-in operator has open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from nicegui import ui

from adapters.container import Container
from api.console.auth_middleware import SESSION
from api.console.sessions import Session, Sessions
from api.console.status_history import StatusHistory
from domain.operators.audit import Operator
from domain.operators.history.verdict_reader import VerdictReader
from domain.shared.errors import Unavailable


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What all pages share. `root` is the path that all pages are below."""

    container: Container
    sessions: Sessions
    status_history: StatusHistory
    verdicts: VerdictReader
    root: str

    def page(self) -> PageContext:
        """The context of the page that is being built."""
        return PageContext(self, cast("Session", ui.context.client.request.scope[SESSION]))


@dataclass(frozen=True, slots=True)
class PageContext:
    """One open page. The session was checked when the page was asked for; each later change checks it again."""

    console: ConsoleContext
    session: Session

    @property
    def container(self) -> Container:
        return self.console.container

    @property
    def prefix(self) -> str:
        """The path that a proxy puts before the service's own paths."""
        prefix: str = ui.context.client.request.headers.get("x-forwarded-prefix", "")
        return prefix

    @property
    def root(self) -> str:
        """The console's path as this browser sees it, with the prefix of a proxy."""
        return self.prefix + self.console.root

    async def operator(self, reason: str) -> Operator:
        """Who acts now, and why. Raises SignedOut and KeysUnavailable."""
        session = await self.console.sessions.require(self.session.id)
        return session.operator(reason)

    async def signed_in(self) -> bool:
        """Whether the session still lasts. While tokens cannot be checked it counts: no change is possible then."""
        try:
            return await self.console.sessions.find(self.session.id) is not None
        except Unavailable:
            return True
