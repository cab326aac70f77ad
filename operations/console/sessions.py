"""Who is signed in at the console. Tokens stay on the server; browsers hold an opaque id."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from adapters.contract.refusals import NotAuthenticated
from adapters.identity.verifier import Identity, TokenVerifier
from domain.errors import CheckoutError
from domain.operating.actions import Operator

COOKIE = "checkout_console"
OPERATOR_SCOPE = "operator"
MOST_SESSIONS = 1000


class SignedOut(CheckoutError):
    """There is no session any more: signed out, or the token has expired."""

    def __init__(self) -> None:
        super().__init__("you are signed out; sign in again to go on")


@dataclass(slots=True)
class Session:
    """One operator's sign-in. `look` is what the operator chose for the eyes."""

    id: str
    identity: Identity
    token: str = field(repr=False)
    dark: bool | None = None
    """None: as the browser prefers."""

    def operator(self, reason: str) -> Operator:
        return Operator(actor=self.identity.subject, way="console", reason=reason)


class Sessions:
    """Sessions of this process. A restart signs everybody out; beyond MOST_SESSIONS the oldest is."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def begin(self, token: str) -> Session:
        """Signs in with an operator's token. Raises NotAuthenticated, NotAllowed and KeysUnavailable."""
        identity = await self._verifier.verify(token)
        identity.require(OPERATOR_SCOPE)
        session = Session(secrets.token_urlsafe(32), identity, token)
        self._sessions[session.id] = session
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    async def find(self, id: str | None) -> Session | None:
        """The session, if its token is still good: it is verified each time, which costs a look into a cache
        until it expires. Raises KeysUnavailable."""
        session = self._sessions.get(id) if id else None
        if session is None:
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

    def end(self, id: str) -> None:
        self._sessions.pop(id, None)


def cookie_of(header: str) -> str | None:
    """The session's id in the header Cookie."""
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None
