"""Cases about promises: what a ready verdict says, signed, for order services."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import jwt

from cli.conformance.answer import CallAnswer
from cli.conformance.case import Need, case
from cli.conformance.context import CaseContext, line
from cli.conformance.failures import CaseSkipped

HEADING = "Validate, Promise (2)"
JWKS = "/.well-known/jwks.json"
_PROMISE = (
    "A ready verdict carries `promise`: a compact JWS (EdDSA) over `{iss, iat, exp, basketId, basketVersion, partner, "
    "total, currency, ready, evidence}`"
)
_EVIDENCE = "where `evidence` is the SHA-256 of the sorted fact ids and `exp` the moment until which nothing … ends"
_OFFLINE = "Order services check it offline with `/.well-known/jwks.json`."
_CLAIMS = (*("iss", "iat", "exp", "basketId", "basketVersion", "partner", "total", "currency", "ready", "evidence"),)


async def _published_keys(context: CaseContext) -> list[Any]:
    answer = (await context.send("GET", JWKS, anonymous=True)).expect_status(200)
    keys: list[Any] = answer.json["keys"]
    return keys


async def _ready_verdict(context: CaseContext) -> CallAnswer:
    basket_id = await context.begin(line(context.offers.sellable[0]))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect(answer.json["ready"] is True, "`ready: true`", "false")
    if answer.json["promise"] is None and not await _published_keys(context):
        raise CaseSkipped("this service has no key to sign promises with")
    return answer


@case("promise.keys", "The keys of promises are published for everybody", heading=HEADING, line=_OFFLINE)
async def keys_are_published(context: CaseContext) -> None:
    answer = (await context.send("GET", JWKS, anonymous=True)).expect_status(200)
    for key in answer.json["keys"]:
        told = [key["kty"], key["crv"], isinstance(key["x"], str), isinstance(key["kid"], str), "d" in key]
        answer.expect_equal(told, ["OKP", "Ed25519", True, True, False], "kty, crv, a public x and kid, no private d")


@case(
    "promise.verifies",
    "A ready verdict's promise verifies by the published keys",
    heading=HEADING,
    line=_OFFLINE,
    needs=(Need.OFFER,),
)
async def a_promise_verifies(context: CaseContext) -> None:
    answer = await _ready_verdict(context)
    claims = await _verified(context, answer)
    wanted = sorted(_CLAIMS)
    answer.expect(set(wanted) <= set(claims), f"the claims {wanted}", str(sorted(claims)))


async def _verified(context: CaseContext, answer: CallAnswer) -> dict[str, Any]:
    """The claims of the verdict's promise. Raises Deviation unless a published key signed it."""
    token = answer.json["promise"]
    try:
        header = jwt.get_unverified_header(token)
        key = next((key for key in await _published_keys(context) if key["kid"] == header.get("kid")), None)
        answer.expect(key is not None, "a `kid` that is published", str(header.get("kid")))
        claims: dict[str, Any] = jwt.decode(
            token, jwt.PyJWK(dict(key or {})), algorithms=["EdDSA"], options={"verify_aud": False}
        )
    except (jwt.PyJWTError, TypeError) as error:
        raise answer.deviation("a promise signed by a published key", f"{type(error).__name__}: {error}") from None
    answer.expect_equal(header.get("alg"), "EdDSA", "the algorithm")
    return claims


@case("promise.claims", "A promise says what the verdict says", heading=HEADING, line=_PROMISE, needs=(Need.OFFER,))
async def a_promise_says_what_the_verdict_says(context: CaseContext) -> None:
    answer = await _ready_verdict(context)
    claims, verdict = await _verified(context, answer), answer.json
    told = {name: claims.get(name) for name in ("basketId", "basketVersion", "total", "ready")}
    wanted = {
        "basketId": verdict["id"],
        "basketVersion": verdict["basketVersion"],
        "total": verdict["checkout"]["total"],
        "ready": True,
    }
    answer.expect_equal(told, wanted, "basketId, basketVersion, total and ready")
    if context.options.organisation is not None:
        answer.expect_equal(claims.get("partner"), context.options.organisation, "`partner`")


@case(
    "promise.evidence",
    "A promise's evidence is the SHA-256 of the sorted fact ids",
    heading=HEADING,
    line=_EVIDENCE,
    needs=(Need.OFFER,),
)
async def evidence_is_a_digest(context: CaseContext) -> None:
    answer = await _ready_verdict(context)
    claims = await _verified(context, answer)
    digest = sha256("\n".join(sorted(set(answer.json["evidence"]))).encode()).hexdigest()
    answer.expect_equal(claims.get("evidence"), digest, "`evidence`")
    answer.expect(claims["iat"] < claims["exp"], "an `exp` after `iat`", f"iat {claims['iat']}, exp {claims['exp']}")


@case("promise.not-ready", "A verdict that is not ready promises nothing", heading=HEADING, line=_PROMISE)
async def no_promise_without_ready(context: CaseContext) -> None:
    basket_id = await context.begin(line(context.name("unknown")))
    answer = (await context.validate(basket_id)).expect_status(200)
    answer.expect_equal(answer.json["promise"], None, "`promise`")
