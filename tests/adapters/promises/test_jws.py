"""Promises as tokens: signed, read by a foreign library, and refused where anything is not as we signed it."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as jose
from joserfc.jwk import KeySet, OctKey
from msgspec import structs

from adapters.jwk import base64url, from_base64url, public_jwk
from adapters.promises.jws import JwsPromiseSigner, JwsPromiseVerifier, UnreadablePromise, no_key
from adapters.promises.keys import PromiseKey, PromiseKeySet, public_jwks
from domain.ports.promises import BasketPromise, InvalidPromise
from domain.shared.money import Money
from tests.adapters.promises.golden import ISSUER, KEY, KEY_ID, NOON, PROMISE, TOKEN

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

OTHER = PromiseKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), NOON, NOON)


def signer(key: PromiseKey | None = KEY, issuer: str = ISSUER) -> JwsPromiseSigner:
    return JwsPromiseSigner(lambda _: key, issuer)


def verifier(*keys: PromiseKey) -> JwsPromiseVerifier:
    def key_of(id: str, now: datetime) -> Ed25519PublicKey | None:
        return next((key.public for key in keys or (KEY,) if key.id == id), None)

    return JwsPromiseVerifier(key_of, ISSUER, lambda: NOON)


def foreign_claims(token: str, *keys: PromiseKey) -> dict[str, Any]:
    """What an order service reads with another library and the published keys."""
    published = KeySet.import_key_set(json.loads(public_jwks(keys or (KEY,))))
    return jose.decode(token, published, algorithms=["EdDSA"]).claims


def segment(document: object) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode())


def signed(header: object, claims: object, key: PromiseKey = KEY) -> str:
    content = f"{segment(header)}.{segment(claims)}"
    return f"{content}.{base64url(key.private.sign(content.encode()))}"


HEADER = {"alg": "EdDSA", "kid": KEY_ID, "typ": "checkout-promise+jwt"}
CLAIMS = json.loads(from_base64url(TOKEN.split(".")[1]))


def test_a_fixed_key_and_promise_give_a_fixed_token() -> None:
    assert KEY.id == KEY_ID
    assert signer().sign(PROMISE) == TOKEN
    assert signed(HEADER, CLAIMS) == TOKEN


def test_a_foreign_library_reads_exactly_the_documented_claims() -> None:
    assert foreign_claims(TOKEN) == {
        "iss": ISSUER,
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 900,
        "basketId": PROMISE.basket_id,
        "basketVersion": 9,
        "partner": "acme",
        "total": {"amount": "20.00", "currency": "GBP"},
        "currency": "GBP",
        "ready": True,
        "evidence": PROMISE.evidence,
    }


promises = st.builds(
    BasketPromise,
    basket_id=st.uuids().map(lambda uuid: f"basket-{uuid}"),
    basket_version=st.integers(1, 2**31 - 1),
    partner=st.text(min_size=1, max_size=128).filter(lambda text: text.isprintable()),
    total=st.none()
    | st.builds(
        lambda amount, currency: Money.model_construct(amount=amount, currency=currency),
        st.decimals(0, 10**20, places=2),
        st.sampled_from(["GBP", "JPY"]),
    ),
    currency=st.none() | st.sampled_from(["GBP", "EUR"]),
    evidence=st.text(string.hexdigits.lower(), min_size=64, max_size=64),
    issued_at=st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    expires_at=st.just(NOON),
).map(lambda promise: structs.replace(promise, expires_at=promise.issued_at + timedelta(seconds=60)))


@given(promises)
def test_every_promise_comes_back_as_it_was_signed(promise: BasketPromise) -> None:
    token = signer().sign(promise)
    assert token is not None
    assert verifier().verify(token) == promise
    claims = foreign_claims(token)
    assert (claims["partner"], claims["exp"] - claims["iat"]) == (promise.partner, 60)


def test_without_a_key_nothing_is_signed_or_accepted() -> None:
    assert signer(None).sign(PROMISE) is None
    with pytest.raises(InvalidPromise, match="no published key"):
        JwsPromiseVerifier(no_key, ISSUER, lambda: NOON).verify(TOKEN)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ é"))
def test_a_token_with_any_other_character_is_refused(at: int, character: str) -> None:
    tampered = TOKEN[:at] + character + TOKEN[at + 1 :]
    if tampered == TOKEN:
        assert verifier().verify(tampered) == PROMISE
    else:
        with pytest.raises(InvalidPromise):
            verifier().verify(tampered)


def test_a_promise_has_one_spelling() -> None:
    """The last character of 64 bytes holds four bits that say nothing."""
    letters = string.ascii_letters + string.digits + "-_"
    spellings = [TOKEN[:-1] + last for last in letters if last != TOKEN[-1]]
    same = [spelt for spelt in spellings if signature_of(spelt) == signature_of(TOKEN)]
    assert len(same) == 15
    for spelt in same:
        with pytest.raises(InvalidPromise):
            verifier().verify(spelt)


def signature_of(token: str) -> bytes:
    return base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")


@given(st.text(max_size=300) | st.lists(st.binary(max_size=80).map(base64url), max_size=4).map(".".join))
def test_no_text_makes_the_verifier_fail_otherwise(token: str) -> None:
    with pytest.raises(UnreadablePromise):
        verifier().verify(token)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", 1),
        ("iat", 1.5),
        ("iat", True),
        ("iat", "1795435200"),
        ("exp", 10**12),
        ("exp", CLAIMS["iat"]),
        ("basketVersion", 0),
        ("basketId", None),
        ("total", "20.00"),
        ("total", {"amount": 20, "currency": "GBP"}),
        ("currency", "gbp"),
        ("ready", False),
        ("ready", 1),
        ("evidence", "b1aa"),
    ],
)
def test_claims_of_another_form_are_unreadable(claim: str, value: object) -> None:
    with pytest.raises(UnreadablePromise):
        verifier().verify(signed(HEADER, {**CLAIMS, claim: value}))


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_must_be_there(claim: str) -> None:
    with pytest.raises(UnreadablePromise, match=claim):
        verifier().verify(signed(HEADER, {name: value for name, value in CLAIMS.items() if name != claim}))


def test_claims_of_a_later_release_are_passed_over() -> None:
    assert verifier().verify(signed(HEADER, {**CLAIMS, "market": "GB"})) == PROMISE


def _hmac_with_the_public_key() -> str:
    """The confusion of RFC 8725, 2.1: the published key, taken as a shared secret."""
    secret = OctKey.import_key(KEY.public.public_bytes_raw())
    return jose.encode({**HEADER, "alg": "HS256"}, CLAIMS, secret, algorithms=["HS256"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: f"{segment({**HEADER, 'alg': 'none'})}.{segment(CLAIMS)}.",
        lambda: f"{TOKEN.rpartition('.')[0]}.",
        _hmac_with_the_public_key,
        lambda: signed({**HEADER, "alg": "Ed25519"}, CLAIMS),
        lambda: signed({**HEADER, "alg": ["EdDSA"]}, CLAIMS),
        lambda: signed({**HEADER, "typ": "JWT"}, CLAIMS),
        lambda: signed({"alg": "EdDSA", "kid": KEY_ID}, CLAIMS),
        lambda: signed({"alg": "EdDSA", "typ": "checkout-promise+jwt"}, CLAIMS),
        lambda: signed({**HEADER, "kid": 7}, CLAIMS),
        lambda: signed({**HEADER, "crit": ["exp"]}, CLAIMS),
        lambda: signed({**HEADER, "b64": False, "crit": ["b64"]}, CLAIMS),
        lambda: signed({**HEADER, "kid": OTHER.id}, CLAIMS),
        lambda: signed(HEADER, CLAIMS, OTHER),
        lambda: signed({**HEADER, "kid": OTHER.id}, CLAIMS, OTHER),
        lambda: signed({**HEADER, "jwk": public_jwk(OTHER.public)}, CLAIMS, OTHER),
        lambda: signed(HEADER, {**CLAIMS, "iss": "urn:else"}),
        lambda: signed(HEADER, [CLAIMS]),
        lambda: TOKEN + ".",
        lambda: TOKEN + "=",
        lambda: f"{TOKEN}{'A' * 8192}",
    ],
)
def test_what_this_service_did_not_sign_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(InvalidPromise):
        verifier().verify(make())


def test_a_key_verifies_only_under_its_own_id() -> None:
    both = verifier(KEY, OTHER)
    assert both.verify(signed({**HEADER, "kid": OTHER.id}, CLAIMS, OTHER)) == PROMISE
    for token in (signed({**HEADER, "kid": OTHER.id}, CLAIMS), signed(HEADER, CLAIMS, OTHER)):
        with pytest.raises(InvalidPromise, match="signature is wrong"):
            both.verify(token)


def test_an_expired_promise_is_read_and_says_so() -> None:
    promise = verifier().verify(TOKEN)
    assert promise.in_time_at(promise.expires_at - timedelta(microseconds=1))
    assert not promise.in_time_at(promise.expires_at)


def test_refusals_quote_nothing_of_the_token() -> None:
    for token in (
        "secret.secret.secret",
        signed(HEADER, {**CLAIMS, "iss": "secret"}),
        signed({"alg": "secret"}, CLAIMS),
    ):
        with pytest.raises(InvalidPromise) as refusal:
            verifier().verify(token)
        assert "secret" not in str(refusal.value)


def test_each_signature_is_by_the_key_of_its_moment() -> None:
    keys = PromiseKeySet([KEY, replace(OTHER, signs_from=NOON + timedelta(seconds=10))])
    by_moment = JwsPromiseSigner(keys.signing_at, ISSUER)
    for seconds, key in ((9, KEY), (10, OTHER)):
        token = by_moment.sign(structs.replace(PROMISE, issued_at=NOON + timedelta(seconds=seconds)))
        assert token is not None
        assert json.loads(from_base64url(token.split(".")[0]))["kid"] == key.id
