"""Who is signed in at the console, and for how long."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.auth.jwks import VerificationKeys
from adapters.auth.local_issuer import issue_token, local_issuer_keys
from adapters.auth.tokens import TokenVerifier
from adapters.settings import Settings
from adapters.wire.request_errors import NotAllowed, NotAuthenticated
from api.console.sessions import MAX_SESSIONS, Sessions, SignedOut, cookie_of
from tests.api.service import settings_in


class SessionClock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def clock() -> SessionClock:
    return SessionClock()


@pytest.fixture
def sessions(settings: Settings, clock: SessionClock) -> Sessions:
    keys = VerificationKeys(local_issuer_keys(settings), 30.0)
    return Sessions(
        TokenVerifier(keys, issuer=settings.jwt_issuer, audience=settings.jwt_audience, now=clock),
        idle_timeout=1800,
        lifetime=7200,
        clock=clock,
    )


def token(settings: Settings, scope: str = "operator", seconds: int = 60) -> str:
    return issue_token(settings, partner=None, scope=scope, subject="ada", ttl=timedelta(seconds=seconds))


async def test_an_operators_token_begins_a_session_that_acts_in_its_name(
    sessions: Sessions, settings: Settings
) -> None:
    session = await sessions.begin(token(settings))
    found = await sessions.require(session.id)
    assert found.operator("because").model_dump() == {"actor": "ada", "way": "console", "reason": "because"}
    assert token(settings) not in repr(session)


async def test_other_tokens_begin_no_session(sessions: Sessions, settings: Settings) -> None:
    with pytest.raises(NotAuthenticated):
        await sessions.begin("x.y.z")
    with pytest.raises(NotAllowed):
        await sessions.begin(token(settings, scope="partner"))


async def test_a_session_ends_with_its_token(sessions: Sessions, settings: Settings, clock: SessionClock) -> None:
    session = await sessions.begin(token(settings, seconds=60))
    clock.ahead = 59
    assert await sessions.find(session.id) is session
    clock.ahead = 120
    assert await sessions.find(session.id) is None
    clock.ahead = 0
    assert await sessions.find(session.id) is None


async def test_signing_out_ends_the_session_at_once(sessions: Sessions, settings: Settings) -> None:
    session, other = await sessions.begin(token(settings)), await sessions.begin(token(settings))
    sessions.end(session.id)
    with pytest.raises(SignedOut):
        await sessions.require(session.id)
    assert await sessions.find(other.id) is other


async def test_an_idle_session_ends(sessions: Sessions, settings: Settings, clock: SessionClock) -> None:
    session = await sessions.begin(token(settings, seconds=20_000))
    clock.ahead = 1700
    assert await sessions.find(session.id) is session  # to look whether it is there is to do nothing
    clock.ahead = 1801
    assert await sessions.find(session.id) is None
    clock.ahead = 0
    assert await sessions.find(session.id) is None


async def test_an_active_session_ends_after_its_lifetime(
    sessions: Sessions, settings: Settings, clock: SessionClock
) -> None:
    session = await sessions.begin(token(settings, seconds=20_000))
    for ahead in range(0, 7200, 600):
        clock.ahead = ahead
        assert await sessions.find(session.id) is session
        sessions.touch(session)
    clock.ahead = 7201
    assert await sessions.find(session.id) is None


async def test_a_new_sign_in_ends_the_browsers_old_session(sessions: Sessions, settings: Settings) -> None:
    good = token(settings)
    first, other = await sessions.begin(good), await sessions.begin(good)
    with pytest.raises(NotAuthenticated):
        await sessions.begin("x.y.z", replaces=first.id)
    assert await sessions.find(first.id) is first
    second = await sessions.begin(good, replaces=first.id)
    assert second.id != first.id
    assert await sessions.find(first.id) is None
    assert await sessions.find(second.id) is second
    assert await sessions.find(other.id) is other


async def test_the_number_of_sessions_is_limited(sessions: Sessions, settings: Settings) -> None:
    good = token(settings)
    first = await sessions.begin(good)
    for _ in range(MAX_SESSIONS):
        last = await sessions.begin(good)
    assert await sessions.find(first.id) is None
    assert await sessions.find(last.id) is last


@pytest.mark.parametrize(
    ("header", "id"),
    [
        ("", None),
        ("other=1", None),
        ("checkout_console=abc", "abc"),
        ("a=1; checkout_console=abc; b=2", "abc"),
        ("\x00;;==", None),
        ('checkout_console="abc"; checkout_console=def', "abc"),
        ("not_checkout_console=abc", None),
        ('checkout_console="' + "\\" * 9 + '"', "\\" * 9),
    ],
)
def test_the_session_cookie_is_found_among_others(header: str, id: str | None) -> None:
    assert cookie_of(header) == id
