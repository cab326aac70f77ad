"""The public keys of promises: open to everybody, cacheable, and without a trace of a private key."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt as jose
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from adapters.http.server import serve_in_background
from adapters.jwk import public_jwk
from adapters.promises.jws import JwsPromiseSigner
from adapters.promises.keys import PromiseKey, PromiseKeySet, public_jwks
from api.partner.promise_keys import JWKS
from tests.adapters.promises.golden import ISSUER, TOKEN
from tests.api.service import ApiCaller, Service, problem, settings_in, wanted
from tests.builders import NOW, InMemoryCheckout, availability, offer, price

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

WAIT = timedelta(minutes=10)
PUBLISHED_FOR = timedelta(minutes=20)


class PromisingService:
    """An API whose keys a test rotates while it serves."""

    def __init__(self, folder: Path) -> None:
        self.keys = PromiseKeySet([PromiseKey.new(NOW, NOW)])
        signer = JwsPromiseSigner(self.signing_at, ISSUER)
        self.checkout = InMemoryCheckout(signer=signer)
        self.service = Service(
            settings_in(folder, promise_jwks_max_age=60), checkout=self.checkout, public_jwks=self.published
        )

    def signing_at(self, now: datetime) -> PromiseKey | None:
        return self.keys.signing_at(now)

    def published(self) -> bytes:
        return public_jwks(tuple(self.keys.published_at(self.checkout.clock())))

    async def basket(self) -> str:
        await self.checkout.record(offer("o-1"), price("o-1"), availability("SKU-1"))
        return await self.service.caller().begin(wanted())

    async def promise(self, basket_id: str) -> str:
        answer = await self.service.caller().validate(basket_id)
        assert answer.status_code == 200, answer.text
        promise: str = answer.json()["promise"]
        return promise

    async def verify(self, *tokens: str) -> None:
        """As an order service does that fetches the keys now."""
        fetched = await self.service.stranger().send("GET", JWKS)
        keys = KeySet.import_key_set(fetched.json())
        for token in tokens:
            assert jose.decode(token, keys, algorithms=["EdDSA"]).claims["ready"] is True


@pytest.fixture
def promising(tmp_path: Path) -> PromisingService:
    return PromisingService(tmp_path)


@pytest.fixture
def stranger(promising: PromisingService) -> ApiCaller:
    return promising.service.stranger()


async def test_anybody_reads_the_public_keys_and_caches_may_keep_them(
    promising: PromisingService, stranger: ApiCaller
) -> None:
    answer = await stranger.send("GET", JWKS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=60"
    (key,) = answer.json()["keys"]
    assert key == public_jwk(promising.keys.keys[0].public)
    assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x"]


async def test_an_unchanged_set_is_a_304(promising: PromisingService, stranger: ApiCaller) -> None:
    tag = (await stranger.send("GET", JWKS)).headers["etag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await stranger.send("GET", JWKS, headers={"if-none-match": header})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "public, max-age=60")
    promising.keys = promising.keys.with_new_key(NOW, WAIT)
    for header in (tag, "nothing", '"', "W/*", '"x", *'):
        changed = await stranger.send("GET", JWKS, headers={"if-none-match": header})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag


async def test_a_head_has_the_headers_alone_and_other_methods_are_refused(stranger: ApiCaller) -> None:
    get, head = await stranger.send("GET", JWKS), await stranger.send("HEAD", JWKS)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "cache-control", "content-length", "content-type"):
        assert head.headers[name] == get.headers[name]
    for method in ("POST", "PUT", "DELETE"):
        refused = await stranger.send(method, JWKS)
        assert problem(refused) == (405, "method_not_allowed")
        assert {each.strip() for each in refused.headers["allow"].split(",")} == {"GET", "HEAD"}


async def test_without_keys_the_set_is_empty_and_no_cache_keeps_it(tmp_path: Path) -> None:
    answer = await Service(settings_in(tmp_path)).stranger().send("GET", JWKS)
    assert (answer.status_code, answer.json()) == (200, {"keys": []})
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_verdict_carries_its_promise(promising: PromisingService) -> None:
    id = await promising.basket()
    verdict = (await promising.service.caller().validate(id)).json()
    await promising.verify(verdict["promise"])
    claims = jose.decode(verdict["promise"], _keys(promising), algorithms=["EdDSA"]).claims
    assert claims["basketId"] == id
    assert claims["basketVersion"] == verdict["basketVersion"]
    total = verdict["checkout"]["total"]
    assert (claims["total"], claims["currency"]) == (total, total["currency"])


def _keys(promising: PromisingService) -> KeySet:
    return KeySet.import_key_set(json.loads(promising.published()))


async def test_every_promise_verifies_at_every_moment_of_a_rotation(promising: PromisingService) -> None:
    id, clock = await promising.basket(), promising.checkout.clock
    first = promising.keys.keys[0]
    before = await promising.promise(id)
    promising.keys = promising.keys.with_new_key(clock(), WAIT)
    waiting = await promising.promise(id)
    await promising.verify(before, waiting)
    clock.advance(WAIT)
    after = await promising.promise(id)
    await promising.verify(before, waiting, after)
    promising.keys = promising.keys.with_retired(first.id, clock(), PUBLISHED_FOR)
    retired = await promising.promise(id)
    clock.advance(PUBLISHED_FOR - timedelta(seconds=1))
    await promising.verify(before, waiting, after, retired)
    clock.advance(timedelta(seconds=1))
    await promising.verify(after, retired)
    with pytest.raises(InvalidKeyIdError, match=first.id):
        await promising.verify(waiting)


PAGE = (Path(__file__).parents[3] / "docs" / "promises.md").read_text(encoding="utf-8")


async def test_the_documented_example_reads_a_promise_and_refuses_others(
    promising: PromisingService,
) -> None:
    read, digest = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shown: dict[str, Any] = {}
    exec(read + digest, shown)
    promising.checkout.clock.now = datetime.now(UTC)
    promising.keys = PromiseKeySet([PromiseKey.new(NOW, NOW)])
    verdict = (await promising.service.caller().validate(await promising.basket())).json()
    async with serve_in_background(promising.service.app, promising.service.settings, 0, "api") as port:
        keys = await asyncio.to_thread(shown["fetch_keys"], f"http://127.0.0.1:{port}{JWKS}")
    claims = shown["read_promise"](verdict["promise"], keys)
    assert claims["basketId"] == verdict["id"]
    assert shown["evidence_digest"](verdict["evidence"]) == claims["evidence"]
    for other in (TOKEN, verdict["promise"][:-4] + "AAAA", "x.y.z"):
        with pytest.raises(JoseError):
            shown["read_promise"](other, keys)
    promising.checkout.clock.advance(-timedelta(hours=1))
    expired = await promising.promise(await promising.basket())
    with pytest.raises(JoseError):
        shown["read_promise"](expired, keys)
