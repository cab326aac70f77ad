"""A console session is trusted as long as the key of its token, and no longer."""

from __future__ import annotations

import pytest

from adapters.wire.request_errors import KeysUnavailable
from api.console.sessions import Sessions, SignedOut
from tests.adapters.auth.token_builders import (
    ED25519,
    MAX_AGE,
    TRUSTED_FOR,
    PublishedKeys,
    Seconds,
    jwk,
    jwks,
    token,
    verifier,
)


async def test_a_session_ends_when_the_key_of_its_token_is_withdrawn() -> None:
    published, now = PublishedKeys(), Seconds(0)
    sessions = Sessions(verifier(published, now=now), idle_timeout=3600, lifetime=3600)
    session = await sessions.begin(token(scope="operator"))
    now.value = MAX_AGE + 1
    assert await sessions.find(session.id) is session
    published.content = jwks(jwk(ED25519, "successor"))
    now.value += MAX_AGE + 1
    with pytest.raises(SignedOut):
        await sessions.require(session.id)


async def test_a_session_waits_while_its_key_cannot_be_checked() -> None:
    published, now = PublishedKeys(), Seconds(0)
    sessions = Sessions(verifier(published, now=now), idle_timeout=3600, lifetime=3600)
    session = await sessions.begin(token(scope="operator"))
    published.content = OSError("away")
    now.value = TRUSTED_FOR + 1
    with pytest.raises(KeysUnavailable):
        await sessions.find(session.id)
    published.content = jwks(jwk(ED25519))
    now.value += 60
    assert await sessions.find(session.id) is session
