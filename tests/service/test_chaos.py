"""A foreign consumer judges what is published while processes and servers are killed.

`python -m benchmarks.chaos` does the same for longer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import EVERY_FAULT, ChaosRun
from tests.servers.kafka import apache_kafka_missing

pytestmark = pytest.mark.timeout(400)


async def test_a_foreign_consumer_finds_nothing_wrong_while_everything_is_killed(tmp_path: Path) -> None:
    if missing := await apache_kafka_missing():
        pytest.skip(f"needs an Apache Kafka that the test may kill; {missing}")

    report = await ChaosRun(tmp_path).run(EVERY_FAULT, between=1.5)

    assert report.wrong == []
    assert report.faults.total() == len(EVERY_FAULT)
    # Every kind of message was judged.
    assert report.stored_events > report.requests > report.baskets > 20
    assert min(report.commands, report.reports, report.messages["checkout.validation-results.v1"]) > 5
