"""Which tokens are accepted, and what they say."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from adapters.auth.jwks import VerificationKeys
from adapters.auth.tokens import TokenVerifier
from adapters.wire.request_errors import NotAllowed, NotAuthenticated
from tests.adapters.auth.token_builders import (
    AUDIENCE,
    ED448,
    ED25519,
    ISSUER,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    SMALL_RSA,
    PublishedKeys,
    Seconds,
    claims,
    forged,
    jwk,
    jwks,
    pem,
    token,
    verifier,
)
from tests.unprintable import UNPRINTABLE

LEEWAY = 5
NO_MOMENTS: list[object] = [
    -1,
    10**17,
    1e300,
    float("nan"),
    float("inf"),
    True,
    False,
    None,
    "1795794105",
    [1795794105],
    {"at": 1},
]
ALL = [jwk(RSA, "rsa"), jwk(P256, "ec"), jwk(ED25519, "ed")]


def _token_of(header: bytes, said: bytes, signature: bytes = b"x") -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, said, signature))


def signed(said: bytes, header: bytes = b'{"alg":"EdDSA","kid":"k-1"}') -> str:
    """A token of the issuer whose header and claims are these bytes, which no library would sign."""
    unsigned = _token_of(header, said).rpartition(".")[0]
    return f"{unsigned}.{base64.urlsafe_b64encode(ED25519.sign(unsigned.encode())).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "rsa"), (P256, "ES256", "ec"), (ED25519, "EdDSA", "ed")]
)
async def test_the_three_algorithms_are_accepted(key: object, algorithm: str, kid: str) -> None:
    identity = await verifier(PublishedKeys(jwks(*ALL))).verify(token(key, algorithm, kid))
    assert (identity.subject, identity.partner) == ("client-1", "shop")
    assert identity.partner_with("partner") == "shop"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS512"), (RSA, "PS256"), (P384, "ES384"), ("s" * 64, "HS256"), (None, "none")],
)
async def test_other_algorithms_are_refused(key: object, algorithm: str) -> None:
    published = PublishedKeys(jwks(jwk(RSA), jwk(P384)))
    with pytest.raises(NotAuthenticated, match="signed with one of"):
        await verifier(published).verify(token(key, algorithm))
    assert published.reads == 0


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    for algorithm in ("HS256", "RS256"):
        with pytest.raises(NotAuthenticated):
            await verifier(PublishedKeys(pem(RSA))).verify(forged({"alg": algorithm, "kid": "k-1"}, pem(RSA)))


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
async def test_a_token_without_a_signature_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(forged(header))


async def test_unknown_critical_headers_are_refused() -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(token(headers={"crit": ["exp"]}))


async def test_a_key_is_used_with_its_own_algorithm_only() -> None:
    with pytest.raises(NotAuthenticated):
        await verifier(PublishedKeys(jwks(jwk(P256)))).verify(token(RSA, "RS256"))


async def test_a_signature_of_another_key_with_the_same_id_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="not signed with a key of the issuer"):
        await verifier(PublishedKeys(jwks(jwk(RSA)))).verify(token(OTHER_RSA, "RS256"))


async def test_a_token_without_a_key_id_is_tried_against_all_keys_of_its_algorithm() -> None:
    published = PublishedKeys(jwks(jwk(OTHER_RSA, "1"), jwk(RSA, "2"), jwk(P256, "3")))
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
async def test_an_unusable_key_does_not_affect_the_others(unusable: dict[str, Any]) -> None:
    checks = verifier(PublishedKeys(jwks(unusable, jwk(ED25519, "good"))))
    assert (await checks.verify(token(kid="good"))).partner == "shop"
    with pytest.raises(NotAuthenticated):
        await checks.verify(token(kid="k-1"))


async def test_a_key_that_is_too_short_signs_nothing() -> None:
    published = PublishedKeys(jwks(jwk(SMALL_RSA, "short"), jwk(ED25519, "good")))
    with pytest.raises(NotAuthenticated, match="not signed with a key of the issuer"):
        await verifier(published).verify(token(SMALL_RSA, "RS256", "short"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": -60}, "expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"exp": "soon"}, "seconds since 1970"),
        ({"nbf": 60}, "not valid yet"),
        ({"iat": 60}, "not valid yet"),
        ({"nbf": "soon"}, "seconds since 1970"),
        ({"iss": "https://other.test"}, "another issuer"),
        ({"iss": None}, "lacks the claim iss"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other", "another"]}, "another audience"),
        ({"aud": None}, "lacks the claim aud"),
        ({"aud": {"checkout": 1}}, "another audience"),
        ({"sub": 7}, "cannot be read"),
        ({"jti": 7}, "cannot be read"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(NotAuthenticated, match=why):
        await verifier().verify(token(**changes))


@pytest.mark.parametrize("changes", [{"exp": -2}, {"nbf": 3}, {"iat": 3}, {"aud": [AUDIENCE, "other"]}])
async def test_small_clock_differences_are_tolerated(changes: dict[str, Any]) -> None:
    assert (await verifier(leeway=LEEWAY).verify(token(**changes))).partner == "shop"


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "ü", "x" * 20_000, "eyJ" * 100])
async def test_text_that_is_no_token_is_refused(text: str) -> None:
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
async def test_a_token_without_a_valid_organisation_allows_nothing(organisation: object) -> None:
    identity = await verifier().verify(token(partner_org=organisation))
    assert identity.partner is None
    with pytest.raises(NotAllowed, match="names no partner organisation"):
        identity.partner_with("partner")


async def test_the_actor_is_the_subject_or_else_the_client() -> None:
    assert (await verifier().verify(token(sub=None, client_id="gateway"))).subject == "gateway"
    assert (await verifier().verify(token(sub=None, azp="gateway-2"))).subject == "gateway-2"
    assert (await verifier().verify(token(sub=None))).subject == "shop"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("moment", NO_MOMENTS, ids=repr)
async def test_a_time_claim_that_is_no_time_is_refused(name: str, moment: object) -> None:
    """Signed as they are: such a token comes from the issuer itself."""
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(json.dumps({**claims(), name: moment}).encode()))


async def test_times_may_have_fractions() -> None:
    """As RFC 7519 allows, and some issuers write them."""
    now = time.time() + 0.25
    said = {**claims(), "iat": now - 2, "nbf": now - 2, "exp": now + 60}
    await verifier().verify(signed(json.dumps(said).encode()))


@pytest.mark.parametrize("exp", ["1e999", "1" * 5000, "1" + "0" * 4000, str(10**22 * 31_556_952)])
async def test_a_time_claim_beyond_all_floats_is_refused(exp: str) -> None:
    said = json.dumps({**claims(), "exp": "HERE"}).replace('"HERE"', exp).encode()
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(said))


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"iat": 0, "exp": 1000}, True),
        ({"iat": 0, "exp": 1001}, False),
        ({"iat": -500, "exp": 501}, False),
        ({"exp": 1000}, True),
        ({"exp": 1000 + LEEWAY + 2}, False),
        ({"iat": -(10**9), "exp": 60}, False),
        ({"exp": 10**11}, False),
    ],
)
async def test_a_token_lives_no_longer_than_the_setting(changes: dict[str, Any], good: bool) -> None:
    checks = verifier(leeway=LEEWAY, longest_life=1000)
    if good:
        assert (await checks.verify(token(**changes))).partner == "shop"
    else:
        with pytest.raises(NotAuthenticated, match="lives longer than the 1000 s that are allowed"):
            await checks.verify(token(**changes))


DEEP = 3000
DEEP_OBJECT = b'{"a":' * DEEP + b"1" + b"}" * DEEP
DEEP_ARRAY = b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize("deep", [DEEP_OBJECT[: 12 * 1024], DEEP_ARRAY, b"[" * 12_000], ids=lambda deep: deep[:8])
async def test_an_endlessly_nested_token_is_refused(deep: bytes) -> None:
    for said in (
        _token_of(deep, b"{}"),
        _token_of(b'{"alg":"EdDSA","kid":"k-1"}', deep),
        signed(deep[:11_000]),
    ):
        with pytest.raises(NotAuthenticated):
            await verifier().verify(said)


async def test_a_signed_claim_may_be_nested_up_to_a_limit() -> None:
    shallow = b'{"x":' + b"[" * 50 + b"]" * 50 + b"," + json.dumps(claims()).encode()[1:]
    assert (await verifier().verify(signed(shallow))).partner == "shop"
    deep = b'{"x":' + b"[" * 3000 + b"]" * 3000 + b"," + json.dumps(claims()).encode()[1:]
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(deep))


@pytest.mark.parametrize(
    "changed",
    [
        b'{"sub":"somebody else",' + b"GOOD",
        b'{"scope":"operator",' + b"GOOD",
        b'{"x":{"a":1,"a":2},' + b"GOOD",
    ],
)
async def test_a_repeated_claim_is_refused(changed: bytes) -> None:
    good = json.dumps(claims()).encode()
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(changed.replace(b"GOOD", good[1:])))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"EdDSA","alg":"EdDSA","kid":"k-1"}',
        b'{"alg":"EdDSA","kid":"k-1","b64":false}',
        b'{"alg":"EdDSA","kid":"k-1","b64":false,"crit":["b64"]}',
        b'{"alg":"EdDSA","kid":"k-1","b64":"no"}',
        b'{"alg":"EdDSA","kid":"k-1","crit":[]}',
        b'{"alg":"EdDSA","kid":"k-1","crit":null}',
        b'{"alg":"EdDSA","kid":null}',
        b'{"alg":"EdDSA","kid":7}',
        b'{"alg":"EdDSA","kid":["k-1"]}',
        b'{"alg":"EdDSA","kid":{"k":"k-1"}}',
        b'{"alg":"EdDSA","kid":"' + b"k" * 600 + b'"}',
        b'{"alg":"EdDSA","kid":"\\ud800"}',
        b'{"alg":"EdDSA","kid":"k-1","x":NaN}',
        b'["EdDSA"]',
        b'"EdDSA"',
        b"null",
    ],
)
async def test_a_signed_token_with_a_malformed_header_is_refused(header: bytes) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(json.dumps(claims()).encode(), header))


@pytest.mark.parametrize(
    "named",
    [
        {"jwk": jwk(RSA)},
        {"jku": "http://127.0.0.1:9/keys", "kid": "k-1"},
        {"x5u": "http://127.0.0.1:9/chain", "kid": "k-1"},
        {"x5c": ["MIIB"], "kid": "k-1"},
    ],
)
async def test_a_key_inside_the_token_is_ignored(named: dict[str, Any]) -> None:
    published = PublishedKeys(jwks(jwk(OTHER_RSA)))
    with pytest.raises(NotAuthenticated, match="not signed with a key of the issuer"):
        await verifier(published).verify(token(RSA, "RS256", kid=None, headers=named))


@pytest.mark.parametrize("claim", ["sub", "client_id", "azp"])
@pytest.mark.parametrize(
    "subject", [*UNPRINTABLE, "\ud800", "x" * 256, 7, 1.5, True, ["ada"], {"name": "ada"}], ids=ascii
)
async def test_a_subject_that_cannot_be_stored_is_refused(claim: str, subject: object) -> None:
    said = {**claims(sub=None), claim: subject}
    with pytest.raises(NotAuthenticated):
        await verifier().verify(signed(json.dumps(said).encode()))


@pytest.mark.parametrize("subject", ["x" * 255, "Zoë Müller", "渡辺", "auth0|65f1", "🙂", "CN=gw, O=Acme"])
async def test_a_subject_may_use_any_script(subject: str) -> None:
    assert (await verifier().verify(token(sub=subject))).subject == subject


@pytest.mark.parametrize("organisation", [*UNPRINTABLE, True, 1.5], ids=ascii)
async def test_an_organisation_that_cannot_be_stored_counts_as_none(organisation: object) -> None:
    identity = await verifier().verify(token(partner_org=organisation))
    with pytest.raises(NotAllowed):
        identity.partner_with("partner")


async def test_a_verified_token_is_not_verified_again() -> None:
    checks = verifier()
    good = token()
    first = await checks.verify(good)
    assert await checks.verify(good) is first


async def test_a_cached_token_still_expires() -> None:
    clock = Seconds(time.time())
    keys = VerificationKeys(PublishedKeys(), 30.0)
    checks = TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY, now=clock)
    good = token(exp=60)
    await checks.verify(good)
    clock.value += 60 + LEEWAY + 1
    with pytest.raises(NotAuthenticated, match="expired"):
        await checks.verify(good)


async def test_the_token_cache_has_a_maximum_size() -> None:
    checks = verifier(cache_size=2)
    for number in range(5):
        await checks.verify(token(sub=f"client-{number}"))
    assert len(checks._verified) == 2


async def test_refused_tokens_are_not_cached() -> None:
    checks = verifier()
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            await checks.verify(token(exp=-60))
    assert len(checks._verified) == 0
