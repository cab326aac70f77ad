"""The contract of every Republications. The suite of an adapter subclasses it and provides the fixture `runs`."""

from __future__ import annotations

from datetime import timedelta

from domain.operators.republish.republish import Republication, Republications
from tests.contracts.audit import NOON, action


def run(id: str = "run-1", **values: object) -> Republication:
    return Republication.model_validate(
        {
            "id": id,
            "topic": "replay.v1",
            "content": "verdicts",
            "from_position": 3,
            "to_position": 2**40,
            "partner": "acme",
            "basket_id": None,
            "started_at": NOON,
            "ended_at": None,
            **values,
        }
    )


REPUBLISHED = action(1, type="operations.history-republished.v1")
RESUMED = action(2, type="operations.history-republished.v1")


class RepublicationsContract:
    async def test_a_run_resumes_with_its_original_options(self, runs: Republications) -> None:
        await runs.begin(run(), REPUBLISHED)
        await runs.begin(run("run-2", partner=None, basket_id="basket-1"), action(3))

        assert await runs.resume("run-1", RESUMED) == run()
        assert await runs.resume("run-2", action(4)) == run("run-2", partner=None, basket_id="basket-1")

    async def test_an_unknown_run_cannot_be_resumed(self, runs: Republications) -> None:
        assert await runs.resume("run-7", RESUMED) is None

    async def test_a_run_ends_once(self, runs: Republications) -> None:
        await runs.begin(run(), REPUBLISHED)
        for minutes in (1, 2):
            await runs.end(run(ended_at=NOON + timedelta(minutes=minutes)))

        assert await runs.resume("run-1", RESUMED) == run(ended_at=NOON + timedelta(minutes=1))
