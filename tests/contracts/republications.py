"""The contract of every Republications. The suite of an adapter subclasses it and provides the fixtures `runs` and
`store`, of the same service."""

from __future__ import annotations

from datetime import timedelta

from domain.operators.republish.republish import Republication, Republications
from domain.ports.event_store import (
    Append,
    EventFeed,
    EventStore,
    NewEvent,
)
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

        assert await runs.go_on("run-1", RESUMED) == run()
        assert await runs.go_on("run-2", action(4)) == run("run-2", partner=None, basket_id="basket-1")

    async def test_an_unknown_run_cannot_be_resumed(self, runs: Republications) -> None:
        assert await runs.go_on("run-7", RESUMED) is None

    async def test_a_run_ends_once(self, runs: Republications) -> None:
        await runs.begin(run(), REPUBLISHED)
        for minutes in (1, 2):
            await runs.end(run(ended_at=NOON + timedelta(minutes=minutes)))

        assert await runs.go_on("run-1", RESUMED) == run(ended_at=NOON + timedelta(minutes=1))

    async def test_the_last_position_is_that_of_the_newest_event(
        self, runs: Republications, store: EventStore, feed: EventFeed
    ) -> None:
        assert await runs.last_position() == 0
        for version in range(3):
            await store.append(Append("stream", version, [NewEvent("happened", b"{}", b"{}")]))

        assert await runs.last_position() == (await feed.read(0, 10))[-1].position
