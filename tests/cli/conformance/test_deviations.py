"""Every planted deviation fails the cases about it, and no other."""

from __future__ import annotations

import pytest

from cli.conformance.case import CaseOutcome
from cli.conformance.run import SuiteReport
from cli.conformance.suite import CASES
from tests.cli.conformance.deviations import DeviatingProxy, PlantedDeviation, UnannouncedLimit, planted_deviations
from tests.cli.conformance.played_service import PlayedService, run_suite


def outcomes(report: SuiteReport, outcome: CaseOutcome) -> set[str]:
    return {result.case.id for result in report.results if result.outcome is outcome}


async def test_the_service_passes_every_case_without_a_proxy(played: PlayedService) -> None:
    report = await run_suite(played, CASES)
    assert report.conforms, [str(result.failure or result.reason) for result in report.results if result.failure]
    assert report.left_open == []


@pytest.mark.parametrize("deviation", planted_deviations(), ids=lambda deviation: deviation.name)
async def test_a_planted_deviation_fails_the_right_cases(played: PlayedService, deviation: PlantedDeviation) -> None:
    report = await run_suite(played, CASES, DeviatingProxy(played.transport, deviation))
    assert outcomes(report, CaseOutcome.FAILED) == deviation.failing
    assert outcomes(report, CaseOutcome.ERROR) == set()
    assert not report.conforms


async def test_a_service_that_limits_calls_as_the_contract_says_passes(played: PlayedService) -> None:
    limit = UnannouncedLimit(("ratelimit", '"default";r=0;t=1'), ("ratelimit-policy", '"default";q=100;w=1'))
    proxy = DeviatingProxy(played.transport, PlantedDeviation("limits calls", frozenset(), answer_itself=limit))
    report = await run_suite(played, CASES, proxy)
    assert report.conforms
    assert "problems.429" in outcomes(report, CaseOutcome.PASSED)
