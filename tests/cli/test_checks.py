"""The list of checks is the same wherever it is read."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from cli.checks import markdown
from cli.commands import app
from domain.validation.checks import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def run(*options: str) -> str:
    result = CliRunner().invoke(app, ["checks", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_the_command_prints_the_page() -> None:
    assert run("--markdown") == markdown()


def test_the_json_list_has_every_check_with_all_its_properties() -> None:
    listed = {row["code"]: row for row in json.loads(run("--json"))}
    assert [*listed] == [check.code for check in CHECKS]
    for check in CHECKS:
        row = listed[check.code]
        assert (row["severity"], row["resolution"]) == (check.severity, check.resolution)
        assert (row["meaning"], row["looksAt"]) == (check.meaning, check.looks_at)
        assert row["restsOn"] == [*check.rests_on]
        Draft202012Validator.check_schema(row["data"])
        assert row["data"]["required"] == [datum.name for datum in check.data]


def test_the_table_names_every_check() -> None:
    table = run()
    assert all(check.code in table for check in CHECKS)
