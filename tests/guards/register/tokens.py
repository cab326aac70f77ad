"""Bearer tokens and the keys that they are verified with."""

from __future__ import annotations

from tests.guards.guard import Guard

_TESTS = "tests/adapters/auth/test_tokens.py::"
_KEY_TESTS = "tests/adapters/auth/test_jwks.py::"

TOKENS = (
    Guard(
        "token-signature",
        "anybody writes a token for any organisation",
        "adapters/auth/tokens.py",
        "        except jwt.InvalidSignatureError:\n            return False\n",
        "        except jwt.InvalidSignatureError:\n            return True\n",
        (f"{_TESTS}test_a_signature_of_another_key_with_the_same_id_is_refused",),
    ),
    Guard(
        "token-algorithm",
        "a token chooses how it is verified, such as `none` or by the public key as a secret",
        "adapters/auth/claims.py",
        "if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:",
        "if False:",
        (f"{_TESTS}test_other_algorithms_are_refused",),
    ),
    Guard(
        "token-issuer",
        "a token of any issuer that shares a key is taken",
        "adapters/auth/tokens.py",
        "                issuer=self._issuer,\n",
        "",
        (f"{_TESTS}test_a_token_with_wrong_claims_is_refused",),
    ),
    Guard(
        "token-audience",
        "a token that was made for another service opens this one",
        "adapters/auth/tokens.py",
        "                audience=self._audience,\n                leeway=self._leeway,\n"
        '                options={"require": ["exp", "iss", "aud"]},',
        '                leeway=self._leeway,\n                options={"require": ["exp", "iss"], "verify_aud": False},',
        (f"{_TESTS}test_a_token_with_wrong_claims_is_refused",),
    ),
    Guard(
        "token-critical-headers",
        "a token means something that this service does not understand",
        "adapters/auth/claims.py",
        'if "crit" in header or header.get("b64", True) is not True:',
        "if False:",
        (f"{_TESTS}test_a_signed_token_with_a_malformed_header_is_refused",),
    ),
    Guard(
        "token-cached-expiry",
        "a token that was seen once never expires",
        "adapters/auth/tokens.py",
        "if self._now() < identity.expires_at + self._leeway and (",
        "if True and (",
        (f"{_TESTS}test_a_cached_token_still_expires",),
    ),
    Guard(
        "token-longest-life",
        "a stolen token is good for as long as a careless issuer wrote into it",
        "adapters/auth/claims.py",
        "    if life > longest_life:",
        "    if False:",
        (f"{_TESTS}test_a_token_lives_no_longer_than_the_setting",),
    ),
    Guard(
        "token-subject-text",
        "a subject with control characters reaches the store, logs and terminals",
        "adapters/auth/claims.py",
        "if not isinstance(subject, str) or not is_storable_text(subject, MAX_SUBJECT_LENGTH):",
        "if not isinstance(subject, str):",
        (f"{_TESTS}test_a_subject_that_cannot_be_stored_is_refused",),
    ),
    Guard(
        "token-cache-size",
        "whoever gets many tokens fills the memory",
        "adapters/auth/tokens.py",
        "if len(self._verified) >= self._cache_size:",
        "if False:",
        (f"{_TESTS}test_the_token_cache_has_a_maximum_size",),
    ),
    Guard(
        "key-withdrawn",
        "a stolen signing key stays good after its issuer withdrew it",
        "adapters/auth/tokens.py",
        "self._keys.certainly_trusts(key) or await self._keys.still_trusts(key)",
        "True",
        (f"{_KEY_TESTS}test_a_cached_token_is_dropped_when_its_key_is_withdrawn",),
    ),
    Guard(
        "key-trust-ends",
        "whoever keeps us from the issuer keeps a stolen key good for ever",
        "adapters/auth/jwks.py",
        "if self._now() - self._read_at > self._trusted_for:",
        "if False:",
        (f"{_KEY_TESTS}test_keys_that_cannot_be_refreshed_lose_trust_in_time",),
    ),
    Guard(
        "key-strength",
        "a signing key that can be factored is accepted",
        "adapters/auth/jwks.py",
        "case RSAPublicKey() if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:",
        "case RSAPublicKey():",
        (f"{_TESTS}test_a_key_that_is_too_short_signs_nothing",),
    ),
    Guard(
        "key-fetches",
        "strangers make us call the issuer for each invented key id",
        "adapters/auth/jwks.py",
        "if self._now() - self._tried_at < pause:",
        "if False:",
        (f"{_KEY_TESTS}test_unknown_key_ids_refresh_the_keys_at_most_once_in_the_interval",),
    ),
    Guard(
        "local-issuer",
        "nobody is told that a service in production trusts the issuer for trying things out",
        "adapters/auth/tokens.py",
        "    if settings.jwks_url is None and settings.jwt_key_file is None:\n        _log",
        "    if False:\n        _log",
        ("tests/adapters/auth/test_local_issuer.py::test_a_service_that_others_reach_warns_of_an_issuer_that_is_none",),
    ),
    Guard(
        "key-document-size",
        "a broken issuer fills the memory",
        "adapters/auth/jwks.py",
        "                    _check_size(document)\n                return",
        "                return",
        (f"{_KEY_TESTS}test_a_too_large_jwks_is_not_read_to_its_end",),
    ),
)
