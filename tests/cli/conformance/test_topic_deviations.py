"""Every deviation of the topics fails the cases about it, and no other."""

from __future__ import annotations

import pytest

from cli.conformance.case import CaseOutcome
from cli.conformance.suite import CASES, select
from tests.cli.conformance.played_service import PlayedService
from tests.cli.conformance.played_topics import TopicDeviation, run_topic_suite
from tests.cli.conformance.test_deviations import outcomes
from tests.cli.conformance.topic_deviations import topic_deviations

TOPIC_CASES = select(("topics",))


async def test_the_topics_of_the_service_pass_every_case(played: PlayedService) -> None:
    report = await run_topic_suite(played, CASES, TopicDeviation("none", frozenset()))
    assert report.conforms, [str(result.failure or result.reason) for result in report.results if result.failure]
    assert outcomes(report, CaseOutcome.PASSED) >= {case.id for case in TOPIC_CASES}


@pytest.mark.parametrize("deviation", topic_deviations(), ids=lambda deviation: deviation.name)
async def test_a_deviation_of_the_topics_fails_the_right_cases(
    played: PlayedService, deviation: TopicDeviation
) -> None:
    report = await run_topic_suite(played, TOPIC_CASES, deviation)
    assert outcomes(report, CaseOutcome.FAILED) == deviation.failing
    assert outcomes(report, CaseOutcome.ERROR) == set()


def test_every_topic_case_fails_for_a_deviation() -> None:
    failing = {case for deviation in topic_deviations() for case in deviation.failing}
    # A message that findings make, a schema that is not served, and a codec that is not read are no deviations of a
    # re-publisher.
    unplanted = {"topics.findings", "topics.schemas-served", "topics.compression"}
    assert failing == {case.id for case in TOPIC_CASES} - unplanted
