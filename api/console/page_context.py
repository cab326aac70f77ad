"""One page that a signed-in operator has open, and what pages are made with."""

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
    """What all pages share."""

    parts: Container
    sessions: Sessions
    trend: StatusHistory
    judgements: VerdictReader
    root: str
    """The path that all pages are below."""

    def visit(self) -> PageContext:
        """Of the page that is being built."""
        return PageContext(self, cast("Session", ui.context.client.request.scope[SESSION]))


@dataclass(frozen=True, slots=True)
class PageContext:
    """The gate let the page's request through; what happens on the page later asks again."""

    console: ConsoleContext
    session: Session

    @property
    def parts(self) -> Container:
        return self.console.parts

    @property
    def trend(self) -> StatusHistory:
        return self.console.trend

    @property
    def root(self) -> str:
        """As this browser sees it."""
        prefix: str = ui.context.client.request.headers.get("x-forwarded-prefix", "")
        return prefix + self.console.root

    async def operator(self, reason: str) -> Operator:
        """Who acts now, and why. Raises SignedOut, and KeysUnavailable."""
        session = await self.console.sessions.require(self.session.id)
        return session.operator(reason)

    async def signed_in(self) -> bool:
        """What cannot be known at present is taken for yes: nothing can be done before it is known."""
        try:
            return await self.console.sessions.find(self.session.id) is not None
        except Unavailable:
            return True
