"""The command: which cases it runs, its exit codes, and what it does to a service that limits calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from adapters.http.server import serve_in_background
from cli.commands import app
from cli.conformance.case import CaseOutcome
from cli.conformance.reports import markdown_page
from cli.conformance.suite import CASES, select
from tests.api.service import RIVAL
from tests.cli.conformance.deviations import DeviatingProxy, PlantedDeviation, ProxiedAnswer, refusal
from tests.cli.conformance.played_service import PlayedService, run_suite

PAGE = Path(__file__).parents[3] / "docs" / "conformance-cases.md"


@pytest.fixture
async def url(played: PlayedService) -> AsyncIterator[str]:
    async with serve_in_background(played.service.app, played.service.settings, 0, "played") as port:
        yield f"http://127.0.0.1:{port}"


async def run(*arguments: str, token: str | None = None) -> Result:
    environment = {} if token is None else {"CONFORMANCE_TOKEN": token}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["conformance", *arguments], env=environment))


def test_the_page_lists_every_case() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown_page(CASES)


def test_ids_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


async def test_the_list_names_cases_and_what_they_need() -> None:
    listed = json.loads((await run("--list", "--json", "--only", "tokens")).stdout)
    assert [case["id"] for case in listed][:2] == ["tokens.missing", "tokens.bad"]
    assert "--other-token" in listed[-1]["needs"][0]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("calls.get", ["calls.get"]),
        ("calls.update", ["calls.update", "calls.update.required", "calls.update.unknown-action"]),
        ("*.initiate", ["calls.initiate", "idempotency.initiate"]),
    ],
)
def test_patterns_name_cases_and_areas(pattern: str, wanted: list[str]) -> None:
    assert [case.id for case in select((pattern,))] == wanted


async def test_exit_code_0_if_everything_passed_and_skips_are_told(played: PlayedService, url: str) -> None:
    ran = await run("--url", url, "--only", "tokens", "--json", token=played.service.token())
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["counts"] == {"passed": 2, "failed": 0, "skipped": 2, "error": 0}
    assert "--other-token" in told["cases"][-1]["reason"]


async def test_exit_code_1_if_a_case_failed(played: PlayedService, url: str) -> None:
    # A limit that the service does not have.
    limit = ("--max-items", "7")
    ran = await run("--url", url, "--only", "limits.items", *limit, token=played.service.token())
    assert ran.exit_code == 1
    assert "failed\tlimits.items" in ran.stdout


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:1", "cannot be reached"),
        ("", "--url"),
        ("gateway.example", "--url"),
        ("http://x:port", "--url"),
    ],
)
async def test_exit_code_2_without_a_service(
    address: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    located = ("--url", address) if address else ()
    monkeypatch.setenv("CHECKOUT_DATA", str(tmp_path))
    ran = await run(*located, token="x.y.z")
    assert ran.exit_code == 2
    assert words in ran.stderr


async def test_exit_code_2_if_a_token_cannot_be_sent(url: str) -> None:
    ran = await run("--url", url, token="tök\nen")
    assert ran.exit_code == 2
    assert "--token is no token" in ran.stderr
    assert "tök" not in ran.stderr


async def test_exit_code_2_if_a_token_is_refused(played: PlayedService, url: str) -> None:
    ran = await run("--url", url, token="nonsense")
    assert ran.exit_code == 2
    assert "refuses the token of --token with 401" in ran.stderr
    good = played.service.token()
    ran = await run("--url", url, "--other-token", played.service.token(RIVAL, "operator"), token=good)
    assert ran.exit_code == 2
    assert "--other-token with 403" in ran.stderr


async def test_the_same_organisation_twice_is_refused(played: PlayedService, url: str) -> None:
    ran = await run("--url", url, "--other-token", played.service.token(), token=played.service.token())
    assert ran.exit_code == 2
    assert "another organisation" in ran.stderr


async def test_junit_is_written_beside_the_report(played: PlayedService, url: str, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    ran = await run("--url", url, "--only", "calls.get", "--junit", str(file), token=played.service.token())
    assert ran.exit_code == 0
    assert "calls.get" in ran.stdout
    assert 'tests="1"' in file.read_text()


async def test_every_basket_of_a_run_is_cancelled(played: PlayedService) -> None:
    before = len(await played.open_baskets())
    await run_suite(played, select(("update", "initiate", "idempotency", "conflicts")))
    assert len(await played.open_baskets()) == before


async def test_a_case_that_is_limited_for_ever_is_not_judged(played: PlayedService) -> None:
    def limit(request: httpx.Request) -> ProxiedAnswer | None:
        return refusal(429, "too_many_calls", ("retry-after", "0")) if b"calls.get" in request.content else None

    proxy = DeviatingProxy(played.transport, PlantedDeviation("limits", frozenset(), answer_itself=limit))
    report = await run_suite(played, select(("calls.get",)), proxy)
    [result] = report.results
    assert result.outcome is CaseOutcome.ERROR
    assert "come back later" in str(result.reason)
    assert not report.conforms
