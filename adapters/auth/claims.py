"""Reads a token's header and claims. Anybody may have written them: nothing here trusts them, and nothing takes more
than linear time."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from adapters.wire.request_errors import NotAuthenticated
from adapters.wire.strict_json import read_json
from domain.shared.values import is_storable_text

MAX_TOKEN_LENGTH = 16 * 1024
"""Characters."""
MAX_KEY_ID_LENGTH = 512
MAX_SUBJECT_LENGTH = 255
"""Characters, as OpenID Connect has it."""
MAX_TIME = 253_402_300_800
"""Seconds since 1970: the end of the year 9999."""

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
_SEGMENT = re.compile(r"[A-Za-z0-9_\-]*")

JsonObject = Mapping[str, Any]


def read_json_object(document: bytes) -> JsonObject:
    """A JSON object; raises ValueError for anything else, and for all that `read_json` refuses."""
    match read_json(document):
        case dict() as read:
            return read
        case _:
            raise ValueError("this is no JSON object")


def parse_token(token: str) -> tuple[JsonObject, JsonObject]:
    """The header and the claims of a token, unverified. Raises NotAuthenticated where they cannot be read, and for a
    header that asks for what this service does not do."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise NotAuthenticated("the token is too long")
    segments = token.split(".")
    if len(segments) != 3 or not all(map(_SEGMENT.fullmatch, segments)):
        raise NotAuthenticated("this is no token")
    try:
        header, claims = (read_json_object(_decode(segment)) for segment in segments[:2])
    except ValueError as error:
        raise NotAuthenticated("this is no token") from error
    _check_header(header)
    return header, claims


def check_times(claims: JsonObject, now: float, longest_life: float, leeway: float) -> None:
    """Raises NotAuthenticated where a time in the claims is no time, or where the token lives too long."""
    for name in ("exp", "nbf", "iat"):
        time = claims.get(name, 0)
        # `true` is no time, and a larger number would not fit into a float. Fractions are allowed (RFC 7519, 2).
        if type(time) not in (int, float) or not 0 <= time < MAX_TIME:
            raise NotAuthenticated(f"the claim {name} must be seconds since 1970, before the year 10000")
    if "exp" not in claims:
        raise NotAuthenticated("the token lacks the claim exp")
    life = claims["exp"] - (claims["iat"] if "iat" in claims else now + leeway)
    if life > longest_life:
        raise NotAuthenticated(f"the token lives longer than the {longest_life:.0f} s that are allowed")


def subject_of(claims: JsonObject) -> str | None:
    """The first of the claims `sub`, `client_id` and `azp` that is not empty. Raises NotAuthenticated where it
    cannot be stored and shown."""
    for name in ("sub", "client_id", "azp"):
        subject = claims.get(name)
        if subject is None or subject == "":
            continue
        if not isinstance(subject, str) or not is_storable_text(subject, MAX_SUBJECT_LENGTH):
            raise NotAuthenticated(
                f"the claim {name} must be text of at most {MAX_SUBJECT_LENGTH} characters without control characters"
            )
        return subject
    return None


def scopes_of(claims: JsonObject) -> frozenset[str]:
    """Scopes come as one string with spaces (RFC 8693) or as a list."""
    return _scopes(claims.get("scope")) | _scopes(claims.get("scp"))


def _scopes(claim: object) -> frozenset[str]:
    if isinstance(claim, str):
        return frozenset(claim.split())
    if isinstance(claim, list):
        return frozenset(scope for scope in claim if isinstance(scope, str))
    return frozenset()


def _check_header(header: JsonObject) -> None:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise NotAuthenticated(f"a token is signed with one of {', '.join(sorted(ALGORITHMS))}")
    if "crit" in header or header.get("b64", True) is not True:
        raise NotAuthenticated("the token has critical headers that are not understood")
    if "kid" in header and (not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_LENGTH):
        raise NotAuthenticated("the token's key id is no short text")


def _decode(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as error:
        raise ValueError("this is no base64url") from error
