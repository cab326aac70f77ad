"""Which tokens are accepted, and what they say."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.contract.refusals import NotAllowed, NotAuthenticated
from adapters.identity.keys import VerificationKeys
from adapters.identity.verifier import TokenVerifier
from tests.adapters.identity.issuing import (
    AUDIENCE,
    ED448,
    ED25519,
    ISSUER,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    SMALL_RSA,
    Published,
    Seconds,
    forged,
    jwk,
    jwks,
    pem,
    token,
    verifier,
)

LEEWAY = 5
ALL = [jwk(RSA, "rsa"), jwk(P256, "ec"), jwk(ED25519, "ed")]


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "rsa"), (P256, "ES256", "ec"), (ED25519, "EdDSA", "ed")]
)
async def test_the_three_algorithms_are_accepted(key: object, algorithm: str, kid: str) -> None:
    identity = await verifier(Published(jwks(*ALL))).verify(token(key, algorithm, kid))
    assert (identity.subject, identity.partner) == ("client-1", "shop")
    assert identity.partner_with("partner") == "shop"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS512"), (RSA, "PS256"), (P384, "ES384"), ("s" * 64, "HS256"), (None, "none")],
)
async def test_no_other_algorithm_is(key: object, algorithm: str) -> None:
    published = Published(jwks(jwk(RSA), jwk(P384)))
    with pytest.raises(NotAuthenticated, match="signed with one of"):
        await verifier(published).verify(token(key, algorithm))
    assert published.reads == 0


async def test_a_public_key_is_no_secret_to_sign_with() -> None:
    for algorithm in ("HS256", "RS256"):
        with pytest.raises(NotAuthenticated):
            await verifier(Published(pem(RSA))).verify(forged({"alg": algorithm, "kid": "k-1"}, pem(RSA)))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ["EdDSA"]},
        {"alg": None},
        {},
        {"alg": "EdDSA", "kid": 7},
        {"alg": "EdDSA", "kid": "k-1"},
        {"alg": "EdDSA", "kid": "k-1", "jwk": jwk(ED25519)},
    ],
)
async def test_a_token_without_a_signature_is_no_token(header: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(forged(header))


async def test_critical_headers_that_are_not_understood_refuse_the_token() -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(token(headers={"crit": ["exp"]}))


async def test_a_key_is_used_with_its_own_algorithm_only() -> None:
    with pytest.raises(NotAuthenticated):
        await verifier(Published(jwks(jwk(P256)))).verify(token(RSA, "RS256"))


async def test_another_key_of_the_same_name_signs_nothing() -> None:
    with pytest.raises(NotAuthenticated, match="not signed with a key of the issuer"):
        await verifier(Published(jwks(jwk(RSA)))).verify(token(OTHER_RSA, "RS256"))


async def test_a_token_without_a_key_id_is_held_against_all_keys_of_its_algorithm() -> None:
    published = Published(jwks(jwk(OTHER_RSA, "1"), jwk(RSA, "2"), jwk(P256, "3")))
    assert (await verifier(published).verify(token(RSA, "RS256", kid=None))).partner == "shop"


@pytest.mark.parametrize(
    "unusable",
    [
        jwk(SMALL_RSA),
        jwk(P384),
        jwk(ED448),
        jwk(ED25519, use="enc"),
        jwk(RSA, alg="PS256"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k-1"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k-1"},
        {"kid": "k-1"},
    ],
)
async def test_a_key_that_cannot_be_used_makes_the_others_no_worse(unusable: dict[str, Any]) -> None:
    checks = verifier(Published(jwks(unusable, jwk(ED25519, "good"))))
    assert (await checks.verify(token(kid="good"))).partner == "shop"
    with pytest.raises(NotAuthenticated):
        await checks.verify(token(kid="k-1"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": -60}, "expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"exp": "soon"}, "cannot be read"),
        ({"nbf": 60}, "not valid yet"),
        ({"iat": 60}, "not valid yet"),
        ({"nbf": "soon"}, "cannot be read"),
        ({"iss": "https://other.test"}, "another issuer"),
        ({"iss": None}, "lacks the claim iss"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other", "another"]}, "another audience"),
        ({"aud": None}, "lacks the claim aud"),
        ({"sub": 7}, "cannot be read"),
    ],
)
async def test_claims_that_do_not_hold_refuse_the_token(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(NotAuthenticated, match=why):
        await verifier().verify(token(**changes))


@pytest.mark.parametrize(
    "changes", [{"exp": -2}, {"nbf": 3}, {"iat": 3}, {"aud": [AUDIENCE, "other"]}, {"exp": 10**17}]
)
async def test_small_differences_of_clocks_are_granted(changes: dict[str, Any]) -> None:
    assert (await verifier(leeway=LEEWAY).verify(token(**changes))).partner == "shop"


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "ü", "x" * 20_000, "eyJ" * 100])
async def test_what_is_no_token_is_told_as_such(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(text)


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": "partner"}, {"partner"}),
        ({"scope": "openid partner"}, {"openid", "partner"}),
        ({"scope": ["openid", "partner"]}, {"openid", "partner"}),
        ({"scope": None, "scp": ["partner"]}, {"partner"}),
        ({"scope": None, "scp": "partner operator"}, {"partner", "operator"}),
        ({"scope": "operator", "scp": ["partner"]}, {"partner", "operator"}),
        ({"scope": None}, set()),
        ({"scope": ["partner", 7]}, {"partner"}),
        ({"scope": {"partner": True}}, set()),
    ],
)
async def test_scopes_come_as_words_or_as_a_list(changes: dict[str, Any], scopes: set[str]) -> None:
    identity = await verifier().verify(token(**changes))
    assert identity.scopes == scopes
    if "partner" not in scopes:
        with pytest.raises(NotAllowed):
            identity.partner_with("partner")


@pytest.mark.parametrize("organisation", [None, "", "x" * 129, "a\x00", 7, {"id": "shop"}])
async def test_an_organisation_that_is_none_allows_nothing(organisation: object) -> None:
    identity = await verifier().verify(token(partner_org=organisation))
    assert identity.partner is None
    with pytest.raises(NotAllowed, match="names no partner organisation"):
        identity.partner_with("partner")


async def test_the_actor_is_the_subject_or_else_the_client() -> None:
    assert (await verifier().verify(token(sub=None, client_id="gateway"))).subject == "gateway"
    assert (await verifier().verify(token(sub=None, azp="gateway-2"))).subject == "gateway-2"
    assert (await verifier().verify(token(sub=None))).subject == "shop"


async def test_a_verified_token_is_not_verified_again() -> None:
    published = Published()
    checks = verifier(published)
    good = token()
    first = await checks.verify(good)
    published.content = jwks(jwk(RSA))
    assert await checks.verify(good) is first
    assert published.reads == 1


async def test_a_remembered_token_expires_all_the_same() -> None:
    clock = Seconds(time.time())
    keys = VerificationKeys(Published(), 30.0)
    checks = TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY, now=clock)
    good = token(exp=60)
    await checks.verify(good)
    clock.value += 60 + LEEWAY + 1
    with pytest.raises(NotAuthenticated, match="expired"):
        await checks.verify(good)


async def test_no_more_tokens_are_remembered_than_there_is_room_for() -> None:
    checks = verifier(cache_size=2)
    for number in range(5):
        await checks.verify(token(sub=f"client-{number}"))
    assert len(checks._verified) == 2


async def test_bad_tokens_are_not_remembered() -> None:
    checks = verifier()
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            await checks.verify(token(exp=-60))
    assert len(checks._verified) == 0
