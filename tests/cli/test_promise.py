"""`checkout promise verify`, as operators and order services run it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.http.server import serve_in_background
from adapters.jwk import base64url, from_base64url
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.promises.jws import JwsPromiseSigner
from adapters.promises.key_file import PromiseKeyFile, create_promise_key_file, read_key_file
from adapters.promises.keys import public_jwks
from adapters.system import new_id, utc_now
from api.partner.promise_keys import JWKS
from cli.commands import app
from domain.basket.repository import BasketRepository
from tests.adapters.promises.golden import ISSUER, KEY_ID, TOKEN
from tests.api.service import Service, settings_in
from tests.builders import availability, caller, change, item, offer, price, update, validate
from tests.builders.direct_handlers import direct_handlers
from tests.builders.shop import Shop, open_shop
from tests.domain.shared.test_printable import misleads
from tests.servers.checkout_command import NO_SETTINGS, CommandResult

QUARTER = timedelta(minutes=15)
EVIL = "a\x1b[2J\x9b2J\u202eb\u2066c\u200b"
AWAY = "postgresql://ann:secret@127.0.0.1:1/shop"


async def run(*arguments: object, **environment: str) -> CommandResult:
    """A command in a thread of this process."""
    given = {**NO_SETTINGS, "COLUMNS": "250", **environment}
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, arguments)], env=given)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return CommandResult(ended.exit_code, ended.stdout, ended.stderr)


@dataclass
class PromisingShop:
    """A shop whose ready verdicts are signed."""

    shop: Shop
    file: Path

    async def promised(self) -> tuple[str, str]:
        """A basket's id and its promise. The verdict has version 3."""
        basket = await self.shop.fill(item("o-1", 2), projected=False)
        validated = await self.shop.handlers.validate(validate(basket.id), caller())
        assert validated.promise is not None
        return basket.id, validated.promise

    async def verify(self, *arguments: object, **environment: str) -> CommandResult:
        given = {"CHECKOUT_DATABASE_URL": self.shop.url, "CHECKOUT_PROMISE_KEY_FILE": str(self.file), **environment}
        return await run("promise", "verify", *arguments, **given)

    async def verify_for_json(self, *arguments: object, **environment: str) -> tuple[int | None, Any]:
        ended = await self.verify(*arguments, "--json", **environment)
        return ended.code, json.loads(ended.out)


@pytest.fixture
async def promising(database_url: str, tmp_path: Path) -> AsyncIterator[PromisingShop]:
    file = tmp_path / "promise-keys.json"
    create_promise_key_file(file, utc_now())
    signer = JwsPromiseSigner(PromiseKeyFile(file).signing_at, ISSUER)
    async with open_shop(database_url) as shop:
        baskets = BasketRepository(shop.store)
        shop.facts = PostgresCatalogue(shop.database, cache_size=1, promised_for=QUARTER)
        shop.handlers = direct_handlers(shop.store, baskets, shop.facts, utc_now, new_id, signer=signer)
        await shop.record(offer("o-1"), price("o-1"), availability("SKU-1", quantity=50))
        yield PromisingShop(shop, file)


async def test_a_promise_that_holds_is_shown_with_all_that_it_holds(promising: PromisingShop) -> None:
    id, token = await promising.promised()
    code, told = await promising.verify_for_json(token)
    assert (code, told["holds"], told["problems"], told["inTime"]) == (0, True, [], True)
    assert told["signature"]["valid"] is True
    assert told["claims"] == json.loads(from_base64url(token.split(".")[1]))
    assert told["basket"] == {
        "status": "open",
        "version": 3,
        "changedAtVersion": None,
        "verdictVersion": 3,
        "repeated": True,
        "readyNow": True,
    }
    text = await promising.verify(token)
    assert text.code == 0
    for words in (f"{id} at version 2, of acme", "20.00 GBP", "right", "open at version 3, unchanged", "holds"):
        assert words in text.out


async def test_a_changed_basket_breaks_its_promise_and_a_later_fact_does_not(promising: PromisingShop) -> None:
    id, token = await promising.promised()
    await promising.shop.record(availability("SKU-1", status="blocked", sequence=2))
    code, told = await promising.verify_for_json(token)
    assert (code, told["holds"], told["basket"]["readyNow"]) == (0, True, False)
    (line,) = (await promising.shop.handlers.get(id, "acme")).items
    await promising.shop.handlers.update(update(id, change(line, 3)), caller())
    code, told = await promising.verify_for_json(token)
    assert (code, told["problems"], told["basket"]["changedAtVersion"]) == (1, ["basket_changed"], 4)
    text = await promising.verify(token)
    assert (text.code, "does not hold: the basket has changed since" in text.out) == (1, True)


async def test_a_promise_ends_where_a_later_price_begins_although_another_lasts(promising: PromisingShop) -> None:
    begins = utc_now() + timedelta(minutes=14)
    await promising.shop.record(price("o-1", "11.00", valid_from=begins, sequence=2))
    _, token = await promising.promised()
    _, told = await promising.verify_for_json(token)
    assert told["claims"]["exp"] == int(begins.timestamp())


async def test_published_keys_verify_as_the_file_does(promising: PromisingShop, tmp_path: Path) -> None:
    _, token = await promising.promised()
    published = public_jwks(tuple(read_key_file(promising.file).keys))
    copy = tmp_path / "jwks.json"
    copy.write_bytes(published)
    settings = settings_in(tmp_path)
    service = Service(settings, public_jwks=lambda: published)
    async with serve_in_background(service.app, settings, 0, "api") as port:
        for where in (f"http://127.0.0.1:{port}{JWKS}", str(copy)):
            ended = await run("promise", "verify", token, "--offline", "--jwks", where)
            assert ended.code == 0, ended.err
            assert "as far as it can be checked offline" in ended.out
        missing = await run("promise", "verify", token, "--offline", "--jwks", f"http://127.0.0.1:{port}/nothing")
        assert (missing.code, "no keys can be read from" in missing.err) == (2, True)


async def test_a_promise_of_another_key_or_too_late_does_not_hold(promising: PromisingShop) -> None:
    code, told = await promising.verify_for_json(TOKEN)
    assert (code, told["problems"], told["basket"]) == (1, ["signature_wrong", "expired"], None)
    assert told["signature"] == {
        "valid": False,
        "problem": "the token names no published key of this service",
        "key": KEY_ID,
    }
    head, claims, signature = (await promising.promised())[1].split(".")
    unsigned = base64url(json.dumps({"alg": "none", "typ": "checkout-promise+jwt"}).encode())
    for tampered in (f"{head}.{claims}.{'A' * len(signature)}", f"{unsigned}.{claims}."):
        text = await promising.verify(tampered)
        assert text.code == 1
        assert "does not hold: it is not signed by this service" in text.out


async def test_a_promise_of_another_issuer_does_not_hold(promising: PromisingShop) -> None:
    _, token = await promising.promised()
    code, told = await promising.verify_for_json(token, CHECKOUT_PROMISE_ISSUER="https://else.example")
    assert (code, told["signature"]["problem"]) == (1, "the token is of another issuer")


@pytest.mark.parametrize("token", ["nothing", "a.b.c", f"{TOKEN}.", "\x1b[2J", "e30.e30.e30"])
async def test_what_is_no_promise_is_unreadable(tmp_path: Path, token: str) -> None:
    ended = await run("promise", "verify", token)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("checkout: ")
    assert "\x1b" not in ended.err


async def test_what_others_wrote_into_a_token_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    create_promise_key_file(file, utc_now())
    head, claims, signature = TOKEN.split(".")
    evil = {**json.loads(from_base64url(claims)), "iss": EVIL, "partner": EVIL, "basketId": "b\x1b[2J", "more": EVIL}
    head = base64url(json.dumps({"alg": "EdDSA", "typ": "checkout-promise+jwt", "kid": EVIL}).encode())
    token = f"{head}.{base64url(json.dumps(evil).encode())}.{signature}"
    for options in ((), ("--json",)):
        ended = await run("promise", "verify", token, *options, CHECKOUT_PROMISE_KEY_FILE=str(file))
        assert ended.code == 1
        assert not any(map(misleads, ended.out.replace("\n", "")))


async def test_what_stands_in_the_way_is_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    create_promise_key_file(file, utc_now())
    for environment, words in (
        ({}, "CHECKOUT_PROMISE_KEY_FILE names no file"),
        ({"CHECKOUT_PROMISE_KEY_FILE": str(tmp_path / "none")}, "cannot be read"),
    ):
        ended = await run("promise", "verify", TOKEN, CHECKOUT_DATA=str(tmp_path), **environment)
        assert (ended.code, words in ended.err) == (2, True), ended.err
    signed = await run("promise", "verify", TOKEN, CHECKOUT_PROMISE_KEY_FILE=str(file), CHECKOUT_DATABASE_URL=AWAY)
    assert signed.code == 1, "a wrong signature needs no database"


async def test_the_database_is_needed_unless_offline(promising: PromisingShop) -> None:
    _, token = await promising.promised()
    away = await promising.verify(token, CHECKOUT_DATABASE_URL=AWAY)
    assert (away.code, away.out) == (2, "")
    assert "secret" not in away.err
    offline = await promising.verify(token, "--offline", CHECKOUT_DATABASE_URL=AWAY)
    assert offline.code == 0
