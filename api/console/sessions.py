"""Who is signed in at the console. Tokens stay on the server; browsers hold an opaque id."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.auth.tokens import Identity, TokenVerifier
from adapters.wire.request_errors import NotAuthenticated
from api.http.headers import cookie_values
from domain.operators.audit import Operator
from domain.shared.errors import CheckoutError

COOKIE = "checkout_console"
OPERATOR_SCOPE = "operator"
MAX_SESSIONS = 1000


class SignedOut(CheckoutError):
    """The session is over: signed out, idle for too long, or it or its token has expired."""

    def __init__(self) -> None:
        super().__init__("you are signed out; sign in again to go on")


@dataclass(slots=True)
class Session:
    """One operator's sign-in."""

    id: str
    identity: Identity
    token: str = field(repr=False)
    began: float
    active: float
    """When the operator last did something. Both times are by the clock of `Sessions`."""
    dark: bool | None = None
    """The colour mode. None: as the browser prefers."""

    def operator(self, reason: str) -> Operator:
        return Operator(actor=self.identity.subject, way="console", reason=reason)


class Sessions:
    """Sessions of this process. A restart ends all; beyond MAX_SESSIONS the oldest one ends."""

    def __init__(
        self,
        verifier: TokenVerifier,
        *,
        idle_timeout: float,
        lifetime: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """In seconds: how long a session lasts without `touch`, and in all. `clock` never goes back."""
        self._verifier = verifier
        self._idle_timeout = idle_timeout
        self._lifetime = lifetime
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def begin(self, token: str, *, replaces: str | None = None) -> Session:
        """Begins a session under a new id and ends the session `replaces` of the same browser.

        Raises NotAuthenticated, NotAllowed and KeysUnavailable.
        """
        identity = await self._verifier.verify(token)
        identity.require(OPERATOR_SCOPE)
        if replaces is not None:
            self.end(replaces)
        now = self._clock()
        session = Session(secrets.token_urlsafe(32), identity, token, began=now, active=now)
        self._sessions[session.id] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    async def find(self, id: str | None) -> Session | None:
        """The session, or None where it or its token has ended. Verifies the token each time, from a cache.

        Raises KeysUnavailable.
        """
        session = self._sessions.get(id) if id else None
        if session is None:
            return None
        if self.seconds_left(session) <= 0:
            self.end(session.id)
            return None
        try:
            await self._verifier.verify(session.token)
        except NotAuthenticated:
            self.end(session.id)
            return None
        return session

    async def require(self, id: str) -> Session:
        """Raises SignedOut and KeysUnavailable."""
        session = await self.find(id)
        if session is None:
            raise SignedOut
        return session

    def touch(self, session: Session) -> None:
        """Notes that the operator did something. What an open page does by itself does not count."""
        session.active = self._clock()

    def seconds_left(self, session: Session) -> float:
        """Until an idle session ends, apart from its token."""
        now = self._clock()
        return min(session.active + self._idle_timeout, session.began + self._lifetime) - now

    def end(self, id: str) -> None:
        self._sessions.pop(id, None)


def cookie_of(header: str) -> str | None:
    """The session's id in the header Cookie."""
    return next(iter(cookie_values(header, COOKIE)), None)
