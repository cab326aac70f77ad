"""The process that calls servers: `python -m benchmarks.performance.load_generator`.

It reads one JSON object a line: an order to prepare calls, then `{"go": true}`. It answers each by a line.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from time import perf_counter, process_time
from urllib.parse import urlsplit

import uvloop

from benchmarks.http_connection import HttpAnswer, HttpConnection
from benchmarks.performance.operations import OPERATIONS, CallFailed, Requester, Requests


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """Which operation to call, how often in all, and with how many callers at a time."""

    operation: str
    url: str
    token: str
    calls: int
    callers: int


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What the callers saw, and how many processors the generator itself took."""

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float
    generator: float


class _Caller:
    """Sends its requests one after the other."""

    def __init__(self, connection: HttpConnection, requests: Requests) -> None:
        self.latencies: list[float] = []
        self._connection = connection
        self._waiting = iter(requests)
        self._sent_at = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Raises CallFailed."""
        self._send_next()
        await self._done

    def _send_next(self) -> None:
        request = next(self._waiting, None)
        if request is None:
            self._done.set_result(None)
            return
        self._sent_at = perf_counter()
        self._connection.send(request, self._answered)

    def _answered(self, answer: HttpAnswer | None) -> None:
        self.latencies.append(perf_counter() - self._sent_at)
        if answer is None or answer.status != 200:
            self._done.set_exception(CallFailed(f"a measured call was answered by {answer}"))
        else:
            self._send_next()


async def _prepare(order: LoadOrder) -> tuple[list[HttpConnection], list[_Caller]]:
    url = urlsplit(order.url)
    assert url.hostname is not None
    assert url.port is not None
    connections = [await HttpConnection.open(url.hostname, url.port) for _ in range(order.callers)]
    requests = await asyncio.gather(
        *(
            OPERATIONS[order.operation](Requester(connection, order.token), order.calls // order.callers)
            for connection in connections
        )
    )
    return connections, [_Caller(*pair) for pair in zip(connections, requests, strict=True)]


async def _run(callers: list[_Caller]) -> LoadFigures:
    began, processor = perf_counter(), process_time()
    await asyncio.gather(*(caller.run() for caller in callers))
    seconds, processor = perf_counter() - began, process_time() - processor
    latencies = [latency for caller in callers for latency in caller.latencies]
    percentiles = statistics.quantiles(latencies, n=100)
    return LoadFigures(
        len(latencies), seconds, percentiles[49] * 1000, percentiles[98] * 1000, generator=processor / seconds
    )


async def main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        connections, callers = await _prepare(LoadOrder(**json.loads(line)))
        print(json.dumps({"prepared": len(callers)}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        print(json.dumps(asdict(await _run(callers))), flush=True)
        for connection in connections:
            connection.close()


if __name__ == "__main__":
    uvloop.run(main())
