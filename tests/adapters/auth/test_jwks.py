"""When keys are read, and what serves meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.auth.jwks import (
    MAX_DOCUMENT_BYTES,
    MAX_KEYS,
    UnusableKeys,
    fetch_keys_from_url,
    parse_keys,
    read_keys_from_file,
)
from adapters.auth.tokens import TokenVerifier, token_verifier
from adapters.wire.request_errors import KeysUnavailable, NotAuthenticated
from tests.adapters.auth.token_builders import (
    AUDIENCE,
    ED25519,
    ISSUER,
    MAX_AGE,
    OTHER_RSA,
    P256,
    RSA,
    PublishedKeys,
    Seconds,
    jwk,
    jwks,
    pem,
    token,
    verifier,
)
from tests.api.service import settings_in

AWAY = httpx.ConnectError("refused")


async def refused(check: Awaitable[object]) -> bool:
    try:
        await check
    except NotAuthenticated:
        return True
    return False


async def settled(checks: TokenVerifier) -> None:
    """Waits until the keys that are read in the background are there."""
    if checks._keys._refresh is not None:
        await checks._keys._refresh


async def test_keys_are_read_when_the_first_token_comes_and_then_kept() -> None:
    published = PublishedKeys()
    checks = verifier(published)
    assert published.reads == 0
    for number in range(5):
        await checks.verify(token(sub=f"client-{number}"))
    assert published.reads == 1


async def test_an_unknown_key_id_refreshes_the_keys() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    await checks.verify(token())
    published.content = jwks(jwk(ED25519), jwk(RSA, "new"))
    now.value = 31
    assert (await checks.verify(token(RSA, "RS256", "new"))).partner == "shop"
    assert published.reads == 2


async def test_unknown_key_ids_refresh_the_keys_at_most_once_in_the_interval() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    await checks.verify(token())
    for second in (1, 15, 29, 31, 45, 60, 62):
        now.value = second
        assert all(await asyncio.gather(*(refused(checks.verify(token(kid=f"x{n}"))) for n in range(8))))
    assert published.reads == 3


async def test_many_tokens_at_once_read_the_keys_once() -> None:
    published = PublishedKeys()
    checks = verifier(published)
    await asyncio.gather(*(checks.verify(token(sub=f"client-{number}")) for number in range(16)))
    assert published.reads == 1


async def test_known_keys_stay_in_use_while_the_issuer_is_away() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now)
    await checks.verify(token())
    for broken in (AWAY, OSError("gone"), b"<html>", b"{}", jwks(), b'{"keys": 7}', b"null"):
        published.content = broken
        now.value += MAX_AGE + 1
        assert await refused(checks.verify(token(kid="unknown")))
        assert (await checks.verify(token(sub=f"at {now.value}"))).partner == "shop"


async def test_keys_that_cannot_be_refreshed_lose_trust_in_time() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now, trusted_for=1000)
    remembered = token(sub="remembered")
    await checks.verify(remembered)
    published.content = AWAY
    for now.value in (301, 700, 1000):
        assert (await checks.verify(remembered)).partner == "shop"
    now.value = 1001
    for each in (remembered, token(sub="new"), token(kid="unknown")):
        with pytest.raises(KeysUnavailable, match="could not be read again for more than 1000 s"):
            await checks.verify(each)
    published.content = jwks(jwk(ED25519))
    now.value += 30
    assert (await checks.verify(remembered)).partner == "shop"


async def test_an_absent_issuer_is_tried_at_most_once_in_the_interval() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, interval=30, now=now, trusted_for=1000)
    good = token()
    await checks.verify(good)
    published.content = AWAY
    for now.value in range(310, 2000, 10):
        with contextlib.suppress(KeysUnavailable):
            await checks.verify(good)
        await settled(checks)
    assert published.reads <= 1 + (2000 - 310) / 30 + 1


async def test_a_cached_token_is_dropped_when_its_key_is_withdrawn() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now)
    remembered = token()
    await checks.verify(remembered)
    published.content = jwks(jwk(ED25519, "successor"))
    now.value = MAX_AGE + 1
    assert await refused(checks.verify(remembered))
    assert len(checks._verified) == 0


@pytest.mark.parametrize(
    "other",
    [
        jwk(OTHER_RSA),  # another key under the same name
        jwk(RSA, "renamed"),
        jwk(RSA, use="enc"),
        jwk(RSA, alg="PS256"),
        jwk(RSA, key_ops=["encrypt"]),
        jwk(ED25519),  # another algorithm under the same name
    ],
)
async def test_a_cached_token_is_dropped_when_its_key_changes(other: dict[str, Any]) -> None:
    published, now = PublishedKeys(jwks(jwk(RSA))), Seconds(0)
    checks = verifier(published, now=now)
    remembered = token(RSA, "RS256")
    await checks.verify(remembered)
    published.content = jwks(other, jwk(P256, "still there"))
    now.value = MAX_AGE + 1
    assert await refused(checks.verify(remembered))


async def test_a_token_stays_cached_while_its_key_is_published() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now)
    good = token()
    first = await checks.verify(good)
    published.content = jwks(jwk(RSA, "another"), jwk(ED25519))
    now.value = MAX_AGE + 1
    assert await checks.verify(good) is first
    assert published.reads == 2


async def test_after_an_idle_night_no_token_is_trusted_before_the_keys_are_refreshed() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now)
    remembered = token()
    await checks.verify(remembered)
    now.value = MAX_AGE - 10
    published.content = AWAY
    await checks.verify(remembered)
    await settled(checks)
    published.content = jwks(jwk(ED25519, "successor"))
    now.value = 8 * 3600
    assert await refused(checks.verify(remembered))


async def test_without_any_key_no_token_is_verified() -> None:
    published, now = PublishedKeys(AWAY), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    with pytest.raises(KeysUnavailable):
        await checks.verify(token())
    published.content = jwks(jwk(ED25519))
    with pytest.raises(KeysUnavailable):
        await checks.verify(token())
    now.value = 1.5
    assert (await checks.verify(token())).partner == "shop"


async def test_keys_are_refreshed_in_the_background_before_they_expire() -> None:
    published, now = PublishedKeys(), Seconds(0)
    checks = verifier(published, now=now)
    remembered = token(sub="1")
    await checks.verify(remembered)
    published.content = jwks(jwk(ED25519, "successor"))
    now.value = MAX_AGE / 2 + 1
    await checks.verify(remembered)
    await settled(checks)
    assert published.reads == 2
    assert await refused(checks.verify(remembered))
    assert (await checks.verify(token(kid="successor"))).partner == "shop"


@pytest.mark.parametrize("key", [RSA, P256, ED25519])
def test_a_pem_public_key_verifies_tokens_of_every_key_id(key: object) -> None:
    (found,) = parse_keys(pem(key))  # type: ignore[arg-type]
    assert found.id is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"x",
        b"-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n",
        b"[" * 100_000,
        b'{"keys":' * 20_000,
        b'{"keys":[{"kty":' + b"[" * 5000 + b"]" * 5000 + b"}]}",
        b'{"keys":[],"keys":' + json.dumps([jwk(ED25519)]).encode() + b"}",
        jwks(*[jwk(ED25519, f"k-{number}") for number in range(MAX_KEYS + 1)]),
        jwks(jwk(ED25519)) + b" " * MAX_DOCUMENT_BYTES,
        jwks(jwk(ED25519, "k" * 1000)),
        jwks({**jwk(ED25519), "kid": 7}),
        jwks(jwk(ED25519, key_ops="verify")),
        jwks({**jwk(ED25519), "x": {"a": 1}}),
        jwks({**jwk(RSA), "n": "AQ" * 9000}),
    ],
    ids=range(14),
)
def test_a_document_without_a_usable_key_is_refused(document: bytes) -> None:
    with pytest.raises(UnusableKeys):
        parse_keys(document)


ODD: list[Any] = [
    None,
    True,
    7,
    -1,
    1.5,
    10**400,
    "",
    "AA",
    "é",
    "!",
    [],
    ["verify"],
    {},
    {"a": 1},
    "x" * 5000,
    "secp256k1",
]


@pytest.mark.parametrize("key", [RSA, P256, ED25519], ids=["RSA", "EC", "OKP"])
def test_a_malformed_key_does_not_affect_the_others(key: Any) -> None:
    entry = jwk(key)
    for name in (*entry, "use", "alg", "key_ops", "d", "x5c"):
        for odd in ODD:
            found = parse_keys(jwks({**entry, name: odd}, jwk(ED25519, "good")))
            assert "good" in {each.id for each in found}


@pytest.mark.parametrize("content", [pem(RSA), jwks(jwk(RSA))])
async def test_keys_come_from_a_file_where_the_settings_name_one(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    settings = settings_in(tmp_path, jwt_key_file=file, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    checks = token_verifier(settings)
    assert (await checks.verify(token(RSA, "RS256"))).partner == "shop"
    assert not settings.local_issuer_key_file.exists()


async def test_settings_say_how_long_keys_and_tokens_are_trusted(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(jwks(jwk(ED25519)))

    def checks(**values: float) -> TokenVerifier:
        given: dict[str, Any] = {
            "jwt_key_file": file,
            "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE,
            **values,
        }
        return token_verifier(settings_in(tmp_path, **given))

    good = token(exp=300)
    with pytest.raises(NotAuthenticated, match="lives longer than the 60 s"):
        await checks(jwt_longest_life=60).verify(good)
    with pytest.raises(KeysUnavailable, match="could not be read again"):
        await checks(jwks_trusted_for=1e-9).verify(good)
    kept, fresh = checks(), checks(jwks_max_age=1e-9)
    await kept.verify(good)
    await fresh.verify(good)
    file.write_bytes(jwks(jwk(ED25519, "successor")))
    await kept.verify(good)
    assert await refused(fresh.verify(good))


async def test_a_missing_key_file_makes_keys_unavailable(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await read_keys_from_file(tmp_path / "nothing")()
    with pytest.raises(KeysUnavailable):
        await token_verifier(settings_in(tmp_path, jwt_key_file=tmp_path / "nothing")).verify(token())


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Gives the URL of a server that answers every request with these bytes."""
    servers: list[asyncio.Server] = []

    async def start(answer: bytes) -> str:
        async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


async def test_keys_come_over_http_where_the_settings_name_a_url(
    tmp_path: Path, serve: Callable[[bytes], Awaitable[str]]
) -> None:
    url = await serve(http("200 OK", jwks(jwk(P256))))
    settings = settings_in(tmp_path, jwks_url=url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    assert (await token_verifier(settings).verify(token(P256, "ES256"))).partner == "shop"


async def test_a_too_large_jwks_is_not_read_to_its_end(
    serve: Callable[[bytes], Awaitable[str]],
) -> None:
    url = await serve(http("200 OK", jwks(jwk(P256)) + b" " * MAX_DOCUMENT_BYTES))
    with pytest.raises(UnusableKeys, match="larger"):
        await fetch_keys_from_url(url)()


async def test_a_slowly_dripping_jwks_times_out() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        with pytest.raises(TimeoutError):
            await fetch_keys_from_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks", timeout=0.3)()


@pytest.mark.parametrize("answer", [http("500 Oops", b"{}"), http("302 Found", b""), b"garbage\r\n\r\n"])
async def test_a_server_without_keys_makes_them_unavailable(
    serve: Callable[[bytes], Awaitable[str]], answer: bytes
) -> None:
    with pytest.raises(httpx.HTTPError):
        await fetch_keys_from_url(await serve(answer))()
