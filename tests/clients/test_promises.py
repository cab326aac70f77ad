"""Promises are checked offline: signature, issuer, time, and what the caller expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.jwk import base64url, public_jwk
from adapters.promises.keys import PromiseKey, public_jwks
from checkout_client.jwks import InvalidJwkSet, JwkSet, PromiseKeysUnavailable, RemoteJwkSet, max_age
from checkout_client.models.answers import Money
from checkout_client.promises import (
    CheckedPromise,
    PromiseChecker,
    PromiseRefused,
    check_promise,
    evidence_digest,
)
from domain.validation.promise import evidence_digest as service_digest
from tests.adapters.promises.golden import KEY, KEY_ID, NOON, PROMISE, TOKEN

KEYS = JwkSet.parse(public_jwks((KEY,)))


def check(token: str = TOKEN, *, keys: JwkSet = KEYS, now: datetime = NOON, **expected: Any) -> CheckedPromise:
    return check_promise(token, keys, now=now, **expected)


def refusal(token: str = TOKEN, **arguments: Any) -> str:
    with pytest.raises(PromiseRefused) as refused:
        check(token, **arguments)
    return refused.value.reason


def signed(claims: Mapping[str, Any], key: PromiseKey = KEY, **header: Any) -> str:
    """A token with these claims beside those of the golden promise."""
    payload = {**jwt.decode(TOKEN, options={"verify_signature": False}), **claims}
    head = {"alg": "EdDSA", "typ": "checkout-promise+jwt", "kid": KEY_ID, **header}
    content = ".".join(base64url(json.dumps(part).encode()) for part in (head, payload))
    return f"{content}.{base64url(key.private.sign(content.encode()))}"


def test_a_promise_of_the_service_is_read() -> None:
    promise = check(
        basket_id=PROMISE.basket_id,
        basket_version=9,
        partner="acme",
        total={"amount": "20.00", "currency": "GBP"},
    )
    assert promise == CheckedPromise(
        issuer="urn:checkout:promises",
        issued_at=NOON,
        expires_at=NOON + timedelta(minutes=15),
        basket_id=PROMISE.basket_id,
        basket_version=9,
        partner="acme",
        total=Money(amount=Decimal("20.00"), currency="GBP"),
        currency="GBP",
        ready=True,
        evidence=PROMISE.evidence,
    )


def test_a_token_with_any_other_character_is_refused() -> None:
    for index, character in enumerate(TOKEN):
        with pytest.raises(PromiseRefused):
            check(TOKEN[:index] + ("A" if character != "A" else "B") + TOKEN[index + 1 :])


def test_a_promise_counts_until_before_its_expiry() -> None:
    end = NOON + timedelta(minutes=15)
    assert check(now=end - timedelta(microseconds=1)).expires_at == end
    assert refusal(now=end) == "expired"
    assert check(now=end, leeway=timedelta(seconds=2)).expires_at == end
    assert refusal(now=end + timedelta(seconds=2), leeway=timedelta(seconds=2)) == "expired"


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"issuer": "urn:other"}, "wrong_issuer"),
        ({"basket_id": "basket-0198b2c4-5d7e-7abc-8def-0123456789ac"}, "other_basket"),
        ({"basket_version": 10}, "other_version"),
        ({"partner": "rival"}, "other_partner"),
        ({"total": {"amount": "20.01", "currency": "GBP"}}, "other_total"),
        ({"total": {"amount": "20.00", "currency": "EUR"}}, "other_total"),
        ({"evidence": ["f-1"]}, "other_evidence"),
    ],
)
def test_what_the_caller_expects_must_be_promised(expected: dict[str, Any], reason: str) -> None:
    assert refusal(**expected) == reason


def test_amounts_are_equal_by_value_and_ids_in_either_case() -> None:
    check(basket_id=PROMISE.basket_id.upper(), total={"amount": "20", "currency": "GBP"})


def test_a_promise_without_a_total_says_so() -> None:
    assert check(signed({"total": None})).total is None
    assert refusal(signed({"total": None}), total={"amount": "20.00", "currency": "GBP"}) == "other_total"


def test_members_that_a_later_release_adds_are_passed_over() -> None:
    assert check(signed({"shop": "new"})).basket_version == 9


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "unreadable"),
        ("eyJ", "unreadable"),
        ("a." * 5000, "unreadable"),
        ("ä.ä.ä", "unreadable"),
        (signed({}, typ="JWT"), "wrong_type"),
        (signed({}, kid="other"), "unknown_key"),
        (signed({}, kid=7), "unreadable"),
        (signed({}, crit=["exp"]), "unreadable"),
        (signed({"ready": False}), "unreadable"),
        (signed({"total": {"amount": "NaN", "currency": "GBP"}}), "unreadable"),
        (jwt.encode({}, "x" * 32, "HS256", {"typ": "checkout-promise+jwt", "kid": KEY_ID}), "wrong_algorithm"),
        (jwt.encode({}, "", "none", {"typ": "checkout-promise+jwt", "kid": KEY_ID}), "wrong_algorithm"),
        (signed({}, PromiseKey.of(Ed25519PrivateKey.generate(), NOON, NOON)), "wrong_signature"),
    ],
)
def test_what_is_no_promise_is_refused_with_the_reason(token: str, reason: str) -> None:
    assert refusal(token) == reason


def test_the_digest_of_evidence_is_that_of_the_service() -> None:
    ids = ["f-2", "f-10", "f-1", "f-2", "é"]
    assert evidence_digest(ids) == service_digest(ids)


def test_keys_for_other_uses_are_passed_over() -> None:
    good = public_jwk(KEY.public)
    entries = [good, {**good, "kid": "enc", "use": "enc"}, {"kty": "RSA", "kid": "rsa"}, {"kty": "OKP"}, 7]
    assert len(JwkSet.parse({"keys": entries})) == 1


@pytest.mark.parametrize("document", [b"[]", b"{}", b'{"keys": 1}', b"<html>"])
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidJwkSet, match="this is no JWK set"):
        JwkSet.parse(document)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("public, max-age=300", 300),
        ("Max-Age=5", 5),
        ("s-maxage=9", 0),
        ("no-cache", 0),
        ("no-store, max-age=60", 0),
        ("", 0),
        ("max-age=soon", 0),
    ],
)
def test_keys_are_kept_as_cache_control_says(header: str, seconds: float) -> None:
    assert max_age(header) == seconds


class KeysOverHttp:
    """A service's key set, its clock, and how often it was fetched."""

    def __init__(self, document: bytes = public_jwks((KEY,)), cache_control: str = "public, max-age=300") -> None:
        self.document, self.cache_control = document, cache_control
        self.status, self.fetched, self.now = 200, 0, 1000.0
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.keys = RemoteJwkSet("http://checkout.test/.well-known/jwks.json", http=http, now=lambda: self.now)
        self.checker = PromiseChecker(self.keys, clock=lambda: NOON)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.fetched += 1
        return httpx.Response(self.status, content=self.document, headers={"Cache-Control": self.cache_control})


async def test_keys_are_fetched_once_while_they_are_fresh() -> None:
    published = KeysOverHttp()
    for _ in range(3):
        await published.checker.check(TOKEN, basket_version=9)
    assert published.fetched == 1
    published.now += 300
    await published.checker.check(TOKEN)
    assert published.fetched == 2


async def test_an_unknown_key_makes_them_fetched_again_but_not_for_every_token() -> None:
    published = KeysOverHttp()
    await published.checker.check(TOKEN)
    published.now += 31
    for _ in range(5):
        with pytest.raises(PromiseRefused, match="no key 'other'"):
            await published.checker.check(signed({}, kid="other"))
    assert published.fetched == 2


async def test_the_first_key_of_a_service_is_seen_at_once() -> None:
    published = KeysOverHttp(b'{"keys":[]}', "no-cache")
    with pytest.raises(PromiseRefused):
        await published.checker.check(TOKEN)
    published.document = public_jwks((KEY,))
    published.now += 1
    await published.checker.check(TOKEN)


async def test_known_keys_outlast_an_outage_for_an_hour() -> None:
    published = KeysOverHttp()
    await published.checker.check(TOKEN)
    published.status = 503
    published.now += 3600
    await published.checker.check(TOKEN)
    published.now += 1
    with pytest.raises(PromiseKeysUnavailable, match="503"):
        await published.checker.check(TOKEN)


async def test_nothing_is_said_of_an_unknown_key_while_keys_cannot_be_fetched() -> None:
    published = KeysOverHttp()
    published.status = 503
    with pytest.raises(PromiseKeysUnavailable):
        await published.checker.check(TOKEN)
    published.status = 200
    published.now += 1
    await published.checker.check(TOKEN)


async def test_a_checker_takes_keys_that_are_at_hand() -> None:
    assert (await PromiseChecker(KEYS, clock=lambda: NOON).check(TOKEN)).basket_id == PROMISE.basket_id
