"""A run of the suite for people, for scripts (JSON) and for CI (JUnit)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cli.conformance.case import Case, CaseOutcome
from cli.conformance.exchange import Exchange, joined
from cli.conformance.run import CaseResult, SuiteReport
from cli.output import Output, TableColumn, echo_json, echo_page
from domain.shared.formatting import count_noun

STYLES = {
    CaseOutcome.PASSED: "green",
    CaseOutcome.FAILED: "bold red",
    CaseOutcome.SKIPPED: "yellow",
    CaseOutcome.ERROR: "bold magenta",
}
_NOT_XML = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n\r"}


def show_report(report: SuiteReport, out: Output) -> None:
    """Each case in a line, then everything about those that failed, then the sums."""
    rows = [
        ((result.outcome.value, STYLES[result.outcome]), result.case.id, result.case.title, result.reason or "")
        for result in report.results
    ]
    out.table(["outcome", "case", "title", TableColumn("why", optional=True)], rows)
    for result in report.results:
        if result.outcome in (CaseOutcome.FAILED, CaseOutcome.ERROR):
            _show_failure(result, out)
    if report.left_open:
        out.say(f"not cancelled, and left to expire: {', '.join(report.left_open)}", style="yellow")
    out.say(
        f"{summary(report)} in {report.seconds:.1f} s",
        style=STYLES[CaseOutcome.PASSED if report.conforms else CaseOutcome.FAILED],
    )


def summary(report: SuiteReport) -> str:
    """How many cases had which outcome."""
    counts = [f"{count} {outcome.value}" for outcome in CaseOutcome if (count := report.count(outcome))]
    return f"{count_noun(len(report.results), 'case')}: {', '.join(counts)}"


def _show_failure(result: CaseResult, out: Output) -> None:
    out.say()
    out.say((f"{result.outcome.value}: {result.case.id}", STYLES[result.outcome]), f"  {result.case.title}")
    out.say(f"  contract, {result.case.heading}: {result.case.line}")
    if result.failure is not None:
        out.say(f"  expected: {result.failure.expected}")
        out.say(f"  came:     {result.failure.came}")
    if result.reason is not None:
        out.say(f"  {result.reason}")
    if result.exchange is not None:
        for what, lines in (("sent", result.exchange.sent), ("came", result.exchange.came)):
            out.say((f"  {what}", "dim"))
            for line in lines:
                out.say(f"    {line}")


def report_json(report: SuiteReport) -> dict[str, Any]:
    """The whole run, with every exchange of every case."""
    return {
        "url": report.url,
        "run": report.run_id,
        "conforms": report.conforms,
        "seconds": round(report.seconds, 3),
        "counts": {outcome.value: report.count(outcome) for outcome in CaseOutcome},
        "leftOpen": report.left_open,
        "cases": [_result_json(result) for result in report.results],
    }


def list_cases(cases: Sequence[Case], out: Output, *, markdown: bool, json: bool) -> None:
    """The cases for people, as the table of the docs, or as JSON."""
    if json:
        echo_json([case_json(each) for each in cases])
    elif markdown:
        echo_page(markdown_page(cases))
    else:
        rows = [(each.id, each.title, "; ".join(need.value for need in each.needs)) for each in cases]
        out.table(["case", "title", TableColumn("needs", optional=True)], rows)


def markdown_page(cases: Sequence[Case]) -> str:
    """The page of the docs that lists the cases by the heading of the contract."""
    lines = [
        "# Cases of the conformance suite",
        "What `checkout conformance` tries ([how to use it](conformance.md)). Each case is about one line of the",
        "contract. A case that needs more than a token is skipped without it, and the last column says what it needs.",
        "This page is made by `checkout conformance --list --markdown`.",
    ]
    for heading in dict.fromkeys(each.heading for each in cases):
        lines += ["", f"## {heading}", "| case | the contract | needs |", "|---|---|---|"]
        for each in cases:
            if each.heading == heading:
                needs = "; ".join(need.value for need in each.needs)
                lines.append(f"| `{each.id}` {_cell(each.title)} | {_cell(each.line)} | {_cell(needs)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def case_json(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "title": case.title,
        "heading": case.heading,
        "line": case.line,
        "needs": [need.value for need in case.needs],
    }


def _result_json(result: CaseResult) -> dict[str, Any]:
    failure = result.failure
    return {
        **case_json(result.case),
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
        "failure": failure and {"expected": failure.expected, "came": failure.came},
        "exchange": result.exchange and _exchange_json(result.exchange),
        "held": [*result.expected],
        "exchanges": [_exchange_json(exchange) for exchange in result.exchanges],
    }


def _exchange_json(exchange: Exchange) -> dict[str, str]:
    return {"sent": joined(exchange.sent), "came": joined(exchange.came)}


def write_junit(report: SuiteReport, path: Path) -> None:
    """Writes the report as JUnit XML. Raises OSError."""
    suite = ElementTree.Element(
        "testsuite",
        name="checkout conformance",
        tests=str(len(report.results)),
        failures=str(report.count(CaseOutcome.FAILED)),
        errors=str(report.count(CaseOutcome.ERROR)),
        skipped=str(report.count(CaseOutcome.SKIPPED)),
        time=f"{report.seconds:.3f}",
    )
    for result in report.results:
        suite.append(_junit_case(result))
    ElementTree.indent(suite)
    path.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _junit_case(result: CaseResult) -> ElementTree.Element:
    area, _, name = result.case.id.partition(".")
    element = ElementTree.Element(
        "testcase", classname=f"conformance.{area}", name=f"{name}: {result.case.title}", time=f"{result.seconds:.3f}"
    )
    match result.outcome:
        case CaseOutcome.FAILED:
            message = str(result.failure)
            ElementTree.SubElement(element, "failure", message=_xml(message)).text = _xml(_details(result))
        case CaseOutcome.ERROR:
            ElementTree.SubElement(element, "error", message=_xml(result.reason or "")).text = _xml(_details(result))
        case CaseOutcome.SKIPPED:
            ElementTree.SubElement(element, "skipped", message=_xml(result.reason or ""))
        case CaseOutcome.PASSED:
            pass
    return element


def _details(result: CaseResult) -> str:
    parts = [f"contract, {result.case.heading}: {result.case.line}"]
    if result.exchange is not None:
        parts += ["sent:", joined(result.exchange.sent), "came:", joined(result.exchange.came)]
    return "\n".join(parts)


def _xml(text: str) -> str:
    """The text without characters that XML has no way to write."""
    return text.translate(_NOT_XML)
