"""What a run says to people, scripts and CI, and what it never says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.conformance import reports
from cli.conformance.case import CaseOutcome
from cli.conformance.exchange import MAX_SHOWN, Exchange, http_lines, shortened
from cli.conformance.failures import Deviation
from cli.conformance.run import SuiteReport
from cli.conformance.suite import select
from cli.output import Output
from tests.cli.conformance.deviations import DeviatingProxy, PlantedDeviation, planted_deviations
from tests.cli.conformance.played_service import PlayedService, run_suite

CASES = select(("cookie", "calls.get", "tokens", "problems.503"))


def planted(name: str) -> PlantedDeviation:
    return next(each for each in planted_deviations() if each.name == name)


@pytest.fixture
async def report(played: PlayedService) -> SuiteReport:
    """A run with passed, failed and skipped cases."""
    return await run_suite(played, CASES, DeviatingProxy(played.transport, planted("opens the cookie")))


def shown(report: SuiteReport, *, width: int | None = None) -> str:
    stream = io.StringIO()
    reports.show_report(report, Output(stream, width=width))
    return stream.getvalue()


async def test_a_failed_case_shows_what_was_sent_what_came_and_what_was_expected(report: SuiteReport) -> None:
    text = shown(report)
    assert "failed\tcookie.attributes\t" in text
    failure = text.partition("failed: cookie.attributes")[2]
    assert "contract, Landing state cookie: `HttpOnly; SameSite=Lax; Path=/`" in failure
    assert "expected: the attribute HttpOnly" in failure
    assert "POST /partner/checkout/initiate" in failure
    assert "200 OK" in failure
    assert "set-cookie: landing_state=%7B%22basketId%22" in failure
    assert text.rstrip().splitlines()[-1].startswith(f"{len(CASES)} cases: ")


async def test_a_terminal_gets_a_table(report: SuiteReport) -> None:
    text = shown(report, width=200)
    assert "\t" not in text
    assert "failed: cookie.attributes" in text


async def test_what_a_service_answers_cannot_write_to_the_terminal(report: SuiteReport) -> None:
    hostile = Deviation("text", "\x1b[31mred\x1b[0m", Exchange(("GET /",), ("200 OK", "", "\x1b]0;title\x07")))
    results = tuple(replace(each, failure=hostile, exchange=hostile.exchange) for each in report.results)
    for text in (shown(replace(report, results=results)), shown(replace(report, results=results), width=200)):
        assert "\x1b]" not in text
        assert "\x07" not in text
        assert "[31mred" in text


async def test_json_has_each_case_with_its_exchanges(report: SuiteReport) -> None:
    told = json.loads(json.dumps(reports.report_json(report)))
    assert told["conforms"] is False
    assert told["counts"]["failed"] == 2
    cases = {case["id"]: case for case in told["cases"]}
    assert cases["calls.get"]["outcome"] == "passed"
    assert cases["calls.get"]["held"]
    assert cases["calls.get"]["exchanges"][0]["sent"].startswith("POST /partner/checkout/initiate")
    assert cases["cookie.secure"]["failure"]["expected"] == "the attribute Secure"
    assert cases["problems.503"]["reason"] == "no call of this run was answered 503"


async def test_junit_has_failures_and_skips_with_their_reasons(report: SuiteReport, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    reports.write_junit(report, file)
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(CASES)), "2", "1")
    failed = {case.get("name"): case.find("failure") for case in suite if case.find("failure") is not None}
    [failure] = [each for name, each in failed.items() if name and name.startswith("attributes")]
    assert failure is not None
    assert failure.text is not None
    assert "sent:\nPOST /partner/checkout/initiate" in failure.text


async def test_junit_takes_text_that_xml_has_no_way_to_write(report: SuiteReport, tmp_path: Path) -> None:
    odd = tuple(
        replace(result, outcome=CaseOutcome.ERROR, reason="bell \x07 and null \x00") for result in report.results[:1]
    )
    reports.write_junit(replace(report, results=odd), tmp_path / "report.xml")
    error = ElementTree.parse(tmp_path / "report.xml").getroot()[0].find("error")
    assert error is not None
    assert "bell" in str(error.get("message"))


async def test_no_report_holds_a_token(played: PlayedService, report: SuiteReport, tmp_path: Path) -> None:
    reports.write_junit(report, tmp_path / "report.xml")
    everything = shown(report) + json.dumps(reports.report_json(report)) + (tmp_path / "report.xml").read_text()
    options = played.options
    for token in (options.token, options.other_token, options.other_scope_token):
        assert token is not None
        head, _, signature = token.get_secret_value().rpartition(".")
        assert head.partition(".")[2] not in everything
        assert signature not in everything


def test_cookies_of_others_are_left_out() -> None:
    headers = [("Cookie", "session=secret; landing_state=%7B%7D; other=s2"), ("Set-Cookie", "session=secret; Path=/")]
    lines = http_lines("GET /", headers, "", "landing_state")
    assert lines == (
        "GET /",
        "cookie: session=***; landing_state=%7B%7D; other=***",
        "set-cookie: session=***; Path=/",
    )


def test_credentials_in_headers_are_left_out() -> None:
    headers = [("Authorization", "Bearer abc"), ("X-Api-Key", "abc"), ("Proxy-Authorization", "Basic abc")]
    assert not [line for line in http_lines("GET /", headers, "", "x") if "abc" in line]


def test_long_bodies_are_cut_and_say_so() -> None:
    assert shortened("x" * (MAX_SHOWN + 7)).endswith("… (7 more characters)")
