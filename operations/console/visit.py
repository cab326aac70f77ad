"""One page that a signed-in operator has open, and what pages are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from nicegui import ui

from adapters.wiring import Parts
from domain.errors import Unavailable
from domain.operating.actions import Operator
from operations.console.gate import SESSION
from operations.console.sessions import Session, Sessions
from operations.console.trend import Trend
from operations.judged import Judgements


@dataclass(frozen=True, slots=True)
class Console:
    """What all pages share."""

    parts: Parts
    sessions: Sessions
    trend: Trend
    judgements: Judgements
    root: str
    """The path that all pages are below."""

    def visit(self) -> Visit:
        """Of the page that is being built."""
        return Visit(self, cast("Session", ui.context.client.request.scope[SESSION]))


@dataclass(frozen=True, slots=True)
class Visit:
    """The gate let the page's request through; what happens on the page later asks again."""

    console: Console
    session: Session

    @property
    def parts(self) -> Parts:
        return self.console.parts

    @property
    def trend(self) -> Trend:
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
