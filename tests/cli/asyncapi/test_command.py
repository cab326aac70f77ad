"""`checkout asyncapi`: the files are what the code says, and a broken promise is not written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.asyncapi.topics import INTERNAL_TOPICS, PUBLISHED_TOPICS
from cli.asyncapi.command import check_files, write_files
from cli.asyncapi.page import topics_page
from cli.commands import app
from cli.generated_files import BreakingChange

FILES = ["asyncapi.json", "topics.md"]


def test_the_files_are_up_to_date() -> None:
    assert check_files() == []


def test_unchanged_files_are_not_written_again(tmp_path: Path) -> None:
    assert write_files(tmp_path) == FILES
    assert (write_files(tmp_path), check_files(tmp_path)) == ([], [])


def run(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["asyncapi", "--folder", str(folder), *options], env=environment)
    return ended.exit_code, ended.output


def test_settings_of_the_environment_do_not_matter(tmp_path: Path) -> None:
    environment = {"CHECKOUT_KAFKA_PARTITIONS": "3", "CHECKOUT_KAFKA_DELIVERY": "at_least_once"}
    assert run(tmp_path, **environment) == (0, "written: asyncapi.json, topics.md\n")
    assert check_files(tmp_path) == []


def test_the_command_says_what_differs_and_what_it_refuses(tmp_path: Path) -> None:
    assert run(tmp_path, "--check") == (
        1,
        "checkout: asyncapi.json is missing\ncheckout: topics.md is missing\n",
    )
    assert run(tmp_path) == (0, "written: asyncapi.json, topics.md\n")
    assert run(tmp_path, "--check") == (0, "")
    path = tmp_path / "asyncapi.json"
    path.write_text(path.read_text().replace('"key": "basketId"', '"key": "partner"', 1))
    refused = "checkout: refused: asyncapi.json: checkout.basket-events.v1: key changed from 'partner' to 'basketId'\n"
    assert run(tmp_path) == (1, refused)


def test_files_that_differ_or_are_missing_are_reported(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "topics.md").unlink()
    path = tmp_path / "asyncapi.json"
    path.write_text(path.read_text().replace("Every event", "Each event"))
    assert check_files(tmp_path) == ["topics.md is missing", "asyncapi.json is not what the code says"]
    assert write_files(tmp_path) == FILES


def test_a_broken_promise_is_not_written(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "topics.md").unlink()
    path = tmp_path / "asyncapi.json"
    promised = json.loads(path.read_text())
    promised["channels"]["more"] = promised["channels"]["checkout.orders.v1"]
    path.write_text(json.dumps(promised))
    with pytest.raises(BreakingChange) as caught:
        write_files(tmp_path)
    assert caught.value.reasons == ["asyncapi.json: the channel more is gone"]
    assert not (tmp_path / "topics.md").exists()


def test_the_page_has_every_topic_message_and_header() -> None:
    page = topics_page()
    for name in INTERNAL_TOPICS:
        assert f"| `{name}` |" in page
    for topic in PUBLISHED_TOPICS:
        section = page.partition(f"\n## {topic.name}\n")[2].partition("\n## ")[0]
        assert topic.key.description in section
        for spec in topic.messages:
            assert f"\n### {spec.name}\n" in section or f"\n### {spec.title}\n" in section
            assert spec.schema is None or f"](schemas/{spec.schema.file_name})" in section
            for name, member in (spec.schema.schema() if spec.schema else {}).get("properties", {}).items():
                assert re.search(
                    rf"^\| `{name}` \|[^|]*\| {re.escape(member['description'])} \|$", section, re.MULTILINE
                )
            for header in spec.headers():
                assert f"| `{header.name}` |" in section
