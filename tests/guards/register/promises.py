"""Promises and the keys that sign them."""

from __future__ import annotations

from tests.guards.guard import Guard

_JWS = "tests/adapters/promises/test_jws.py::"
_KEYS = "tests/adapters/promises/test_keys.py::"

PROMISES = (
    Guard(
        "promise-signature",
        "anybody promises any total",
        "adapters/promises/jws.py",
        '            key.verify(from_base64url(signature), signed.encode("ascii"))\n',
        "            pass\n",
        (f"{_JWS}test_what_this_service_did_not_sign_is_refused",),
    ),
    Guard(
        "promise-type",
        "another token of the same key passes for a promise",
        "adapters/promises/jws.py",
        "if unverified.type != TYPE:",
        "if False:",
        (f"{_JWS}test_what_this_service_did_not_sign_is_refused",),
    ),
    Guard(
        "promise-issuer",
        "a promise of a test system counts in production",
        "adapters/promises/jws.py",
        "if unverified.issuer != self._issuer:",
        "if False:",
        (f"{_JWS}test_what_this_service_did_not_sign_is_refused",),
    ),
    Guard(
        "promise-encoding",
        "one promise has many spellings, so that lists of used ones miss it",
        "adapters/jwk.py",
        "    if base64url(value) != text:\n",
        "    if False:\n",
        (f"{_JWS}test_a_promise_has_one_spelling",),
    ),
    Guard(
        "promise-key-retired",
        "a key that was retired goes on signing",
        "adapters/promises/keys.py",
        "return self.retired is None and self.signs_from <= now",
        "return self.signs_from <= now",
        (f"{_KEYS}test_a_retired_key_signs_no_longer_and_is_published_until_its_promises_have_expired",),
    ),
    Guard(
        "promise-key-file",
        "other users of the machine read the signing key",
        "adapters/promises/key_file.py",
        "    if mode & FORBIDDEN_MODE:\n",
        "    if False:\n",
        ("tests/adapters/promises/test_key_file.py::test_a_file_that_others_may_read_is_refused",),
    ),
    Guard(
        "promise-key-errors",
        "an error message quotes a private key",
        "adapters/promises/keys.py",
        'raise ValueError("it is no JWK set as `checkout promise-keys new` writes it") from None',
        'raise ValueError(f"it is no JWK set: {document!r}") from None',
        (f"{_KEYS}test_other_documents_are_refused_and_no_error_quotes_them",),
    ),
    Guard(
        "key-files-private",
        "files of private keys are readable by everybody",
        "adapters/private_files.py",
        "os.O_EXCL, 0o600)",
        "os.O_EXCL, 0o644)",
        (
            "tests/adapters/encryption/test_keys.py::test_a_created_key_file_is_readable_by_its_owner_only_and_stays",
            "tests/adapters/auth/test_local_issuer.py::test_the_key_is_created_once_and_readable_for_its_owner_only",
        ),
    ),
)
