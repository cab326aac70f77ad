"""`checkout token`: whom a token represents."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from cli.commands import app


def claims(folder: Path, *arguments: str) -> dict[str, object]:
    key = {"CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(folder / "key.pem")}
    ended = CliRunner().invoke(app, ["token", *arguments], env=key)
    assert ended.exit_code == 0, ended.output
    said: dict[str, object] = jwt.decode(ended.stdout.strip(), options={"verify_signature": False})
    return said


def test_a_partners_token_names_its_organisation(tmp_path: Path) -> None:
    said = claims(tmp_path, "--partner", "acme")
    assert (said["scope"], said["partner_org"], said["sub"]) == ("partner", "acme", "local:acme")


def test_an_operators_token_names_its_bearer_and_no_organisation(tmp_path: Path) -> None:
    said = claims(tmp_path, "--scope", "operator", "--subject", "ada@operations")
    assert (said["scope"], said["sub"]) == ("operator", "ada@operations")
    assert "partner_org" not in said
    assert claims(tmp_path, "--scope", "operator")["sub"] == "local:operator"


@pytest.mark.parametrize("arguments", [[], ["--scope", "partner"]])
def test_a_partners_token_without_an_organisation_is_refused(arguments: list[str]) -> None:
    ended = CliRunner().invoke(app, ["token", *arguments])
    assert ended.exit_code == 2
    assert "names an organisation" in ended.output
