"""When keys are read, and what serves meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from adapters.contract.refusals import KeysUnavailable, NotAuthenticated
from adapters.identity.keys import MAX_AGE, UnusableKeys, from_file, from_url, read_keys
from adapters.identity.verifier import token_verifier
from tests.adapters.identity.issuing import (
    AUDIENCE,
    ED25519,
    ISSUER,
    P256,
    RSA,
    Published,
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


async def test_keys_are_read_when_the_first_token_comes_and_then_kept() -> None:
    published = Published()
    checks = verifier(published)
    assert published.reads == 0
    for number in range(5):
        await checks.verify(token(sub=f"client-{number}"))
    assert published.reads == 1


async def test_an_unknown_key_makes_them_be_read_again_and_then_it_is_known() -> None:
    published, now = Published(), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    await checks.verify(token())
    published.content = jwks(jwk(ED25519), jwk(RSA, "new"))
    now.value = 31
    assert (await checks.verify(token(RSA, "RS256", "new"))).partner == "shop"
    assert published.reads == 2


async def test_unknown_keys_make_them_be_read_at_most_once_in_the_interval() -> None:
    published, now = Published(), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    await checks.verify(token())
    for second in (1, 15, 29, 31, 45, 60, 62):
        now.value = second
        assert all(await asyncio.gather(*(refused(checks.verify(token(kid=f"x{n}"))) for n in range(8))))
    assert published.reads == 3


async def test_many_tokens_at_once_read_the_keys_once() -> None:
    published = Published()
    checks = verifier(published)
    await asyncio.gather(*(checks.verify(token(sub=f"client-{number}")) for number in range(16)))
    assert published.reads == 1


async def test_known_keys_keep_serving_while_the_issuer_is_away() -> None:
    published, now = Published(), Seconds(0)
    checks = verifier(published, now=now)
    await checks.verify(token())
    for broken in (AWAY, OSError("gone"), b"<html>", b"{}", jwks(), b'{"keys": 7}', b"null"):
        published.content = broken
        now.value += MAX_AGE + 1
        assert await refused(checks.verify(token(kid="unknown")))
        assert (await checks.verify(token(sub=f"at {now.value}"))).partner == "shop"


async def test_without_any_key_no_token_is_judged() -> None:
    published, now = Published(AWAY), Seconds(0)
    checks = verifier(published, interval=30, now=now)
    with pytest.raises(KeysUnavailable):
        await checks.verify(token())
    published.content = jwks(jwk(ED25519))
    with pytest.raises(KeysUnavailable):
        await checks.verify(token())
    now.value = 1.5
    assert (await checks.verify(token())).partner == "shop"


async def test_old_keys_are_read_again_without_making_anybody_wait() -> None:
    published, now = Published(), Seconds(0)
    checks = verifier(published, now=now)
    await checks.verify(token(sub="1"))
    published.content = jwks(jwk(ED25519, "successor"))
    now.value = MAX_AGE + 1
    await checks.verify(token(sub="2"))
    assert checks._keys._background is not None
    await checks._keys._background
    assert await refused(checks.verify(token(sub="3")))
    assert (await checks.verify(token(kid="successor"))).partner == "shop"


@pytest.mark.parametrize("key", [RSA, P256, ED25519])
def test_a_pem_public_key_is_one_key_for_every_key_id(key: object) -> None:
    (found,) = read_keys(pem(key))  # type: ignore[arg-type]
    assert found.id is None


@pytest.mark.parametrize(
    "document", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n"]
)
def test_what_holds_no_key_is_said_to_hold_none(document: bytes) -> None:
    with pytest.raises(UnusableKeys):
        read_keys(document)


@pytest.mark.parametrize("content", [pem(RSA), jwks(jwk(RSA))])
async def test_keys_come_from_a_file_where_the_settings_name_one(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    settings = settings_in(tmp_path, jwt_key_file=file, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    checks = token_verifier(settings)
    assert (await checks.verify(token(RSA, "RS256"))).partner == "shop"
    assert not settings.local_issuer_key_file.exists()


async def test_a_file_that_is_missing_is_a_lack_of_keys(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await from_file(tmp_path / "nothing")()
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


@pytest.mark.parametrize("answer", [http("500 Oops", b"{}"), http("302 Found", b""), b"garbage\r\n\r\n"])
async def test_a_server_that_does_not_give_keys_is_away(
    serve: Callable[[bytes], Awaitable[str]], answer: bytes
) -> None:
    with pytest.raises(httpx.HTTPError):
        await from_url(await serve(answer))()
