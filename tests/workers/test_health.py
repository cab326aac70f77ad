from __future__ import annotations

import httpx
import pytest

from workers.health import health_app
from workers.heartbeat import Heartbeat


class HealthBench:
    def __init__(self) -> None:
        self.now = 0.0
        self.publisher = Heartbeat("publisher", lambda: self.now)
        self.projector = Heartbeat("projector", lambda: self.now)
        app = health_app([self.publisher, self.projector], silent_seconds=60)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker")

    async def asks(self, path: str) -> httpx.Response:
        return await self._client.get(path)


@pytest.fixture
def bench() -> HealthBench:
    return HealthBench()


async def test_a_process_is_ready_once_all_its_workers_are(bench: HealthBench) -> None:
    bench.publisher.ready(True)
    assert (await bench.asks("/health/ready")).status_code == 503
    bench.projector.ready(True)
    answer = await bench.asks("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "workers": {
            name: {"live": True, "ready": True, "secondsSinceLastBeat": 0, "lastError": None}
            for name in ("publisher", "projector")
        },
    }


async def test_a_worker_with_a_fault_is_live_but_not_ready_and_names_its_type(
    bench: HealthBench,
) -> None:
    bench.projector.ready(True)
    bench.publisher.fault("BrokerUnavailable: kafka-1.internal:9092 refuses")
    assert (await bench.asks("/health/live")).status_code == 200
    answer = await bench.asks("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["workers"]["publisher"]["lastError"] == "BrokerUnavailable"


async def test_a_stalled_worker_makes_its_process_neither_live_nor_ready(
    bench: HealthBench,
) -> None:
    bench.publisher.ready(True)
    bench.projector.ready(True)
    bench.now = 61
    bench.publisher.beat()
    for path in ("/health/live", "/health/ready"):
        answer = await bench.asks(path)
        assert answer.status_code == 503
        workers = answer.json()["workers"]
        assert [workers[name]["live"] for name in ("publisher", "projector")] == [True, False]
