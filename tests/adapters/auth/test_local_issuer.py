"""The local issuer: its key file, and the tokens it gives."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from adapters.auth.local_issuer import UnusableIssuerKey, issue_token, public_jwks, signing_key
from adapters.auth.tokens import token_verifier, warn_about_issuer
from adapters.wire.request_errors import KeysUnavailable, NotAuthenticated
from cli.commands import app
from tests.api.service import settings_in

MAKE = """
import sys
from pathlib import Path
from adapters.auth.local_issuer import signing_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
sys.stdin.readline()
key = signing_key(Path(sys.argv[1]))
print(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
"""


async def test_tokens_of_the_local_issuer_are_trusted_by_default(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    token = issue_token(settings, partner="shop", scope="partner", ttl=timedelta(minutes=1))
    identity = await token_verifier(settings).verify(token)
    assert (identity.partner, identity.scopes) == ("shop", frozenset({"partner"}))


async def test_a_token_lives_as_long_as_requested(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    expired = issue_token(settings, partner="shop", scope="partner", ttl=timedelta(seconds=-60))
    with pytest.raises(NotAuthenticated, match="expired"):
        await token_verifier(settings).verify(expired)


def test_no_token_is_issued_that_no_verifier_accepts(tmp_path: Path) -> None:
    settings = {
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(tmp_path / "issuer.pem"),
        "CHECKOUT_JWT_LONGEST_LIFE": "60",
        "COLUMNS": "250",
    }
    asked = ["token", "--partner", "shop", "--ttl"]
    assert CliRunner().invoke(app, [*asked, "60"], env=settings).exit_code == 0
    refused = CliRunner().invoke(app, [*asked, "61"], env=settings)
    assert (refused.exit_code, "CHECKOUT_JWT_LONGEST_LIFE" in refused.output) == (2, True)


async def test_another_issuers_tokens_are_not_trusted(tmp_path: Path) -> None:
    ours, theirs = (settings_in(tmp_path / name) for name in ("ours", "theirs"))
    with pytest.raises(NotAuthenticated):
        await token_verifier(ours).verify(issue_token(theirs, partner="shop", scope="partner"))


def test_the_key_is_created_once_and_readable_for_its_owner_only(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "state" / "deep")
    assert public_jwks(settings) == public_jwks(settings)
    file = settings.local_issuer_key_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_the_jwks_has_no_private_part(tmp_path: Path) -> None:
    (key,) = public_jwks(settings_in(tmp_path))["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_processes_that_create_the_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    made = {process.communicate(timeout=60)[0].strip() for process in processes}
    raw = signing_key(file).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert made == {raw.hex()}


async def test_a_file_without_an_ed25519_key_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.local_issuer_key_file.write_bytes(b"nothing")
    with pytest.raises(UnusableIssuerKey):
        signing_key(settings.local_issuer_key_file)
    with pytest.raises(KeysUnavailable):
        await token_verifier(settings).verify(issue_token(settings_in(tmp_path / "other"), partner="shop"))


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"host": "127.0.0.1"}, None),
        ({"host": "0.0.0.0"}, "tokens of the local issuer are trusted"),
        ({"host": "0.0.0.0", "jwks_url": "http://issuer.test/keys"}, "the issuer's keys come without TLS"),
        ({"host": "0.0.0.0", "jwks_url": "https://issuer.test/keys"}, None),
        ({"host": "0.0.0.0", "jwt_key_file": Path("keys.json")}, None),
    ],
    ids=str,
)
def test_a_service_that_others_reach_warns_of_an_issuer_that_is_none(
    tmp_path: Path, changes: dict[str, object], warning: str | None
) -> None:
    with structlog.testing.capture_logs() as logs:
        warn_about_issuer(settings_in(tmp_path).model_copy(update=changes))
    assert [line["event"].partition(":")[0] for line in logs] == ([] if warning is None else [warning])
