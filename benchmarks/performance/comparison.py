"""Alternating rounds: each operation has a turn in every round, so that other work on the machine affects all alike."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from adapters.embedded.processes import die_with_parent
from benchmarks.performance.load_generator import LoadFigures, LoadOrder
from benchmarks.performance.servers import MeasuredServers
from benchmarks.performance.targets import Turn

CALLERS = 16


class NotMeasured(Exception):
    """A figure could not be measured. The message says why."""


@dataclass(frozen=True, slots=True)
class MeasuredOperation:
    """A line of the results: which calls, of which server, how many in a turn, with how many callers."""

    name: str
    operation: str
    server: str
    calls: int
    callers: int = CALLERS


OPERATIONS = (
    MeasuredOperation("hello", "hello", "hello", 3200),
    MeasuredOperation("floor", "floor", "floor", 3200),
    MeasuredOperation("update", "update", "api", 3200),
    MeasuredOperation("update with a key", "update with a key", "api", 1600),
    MeasuredOperation("initiate", "initiate", "api", 1600),
    MeasuredOperation("get", "get", "api", 3200),
    MeasuredOperation("validate", "validate", "api", 1600),
    MeasuredOperation("emmett", "peer update", "emmett", 640),
    MeasuredOperation("stock library", "peer update", "stock library", 160),
    MeasuredOperation("lone hello", "hello", "hello", 400, callers=1),
    MeasuredOperation("lone update", "update", "api", 400, callers=1),
)


class LoadGenerator:
    """The process that calls servers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def tell(self, message: dict[str, Any]) -> dict[str, Any]:
        """Its answer. Raises NotMeasured where it ended instead; its error is on stderr then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(ConnectionError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise NotMeasured("the load generator ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def load_generator() -> AsyncIterator[LoadGenerator]:
    command = (sys.executable, "-m", "benchmarks.performance.load_generator")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM)
    )
    try:
        yield LoadGenerator(process)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def compare(
    servers: MeasuredServers, rounds: int, share: float, tell: Callable[[str], None]
) -> dict[str, list[Turn]]:
    """The turns of all operations whose server runs; a first round only warms up. `share` of each turn's calls are
    made. Raises NotMeasured."""
    turns: dict[str, list[Turn]] = {}
    measured = [operation for operation in OPERATIONS if operation.server in servers.by_name]
    async with load_generator() as generator:
        for round in range(rounds + 1):
            tell(f"round {round} of {rounds}" if round else "warming up")
            for operation in measured:
                calls = max(operation.callers * 8, round_up(operation.calls * share, operation.callers))
                turn = await take_turn(servers, generator, operation, calls)
                if round:
                    turns.setdefault(operation.name, []).append(turn)
    return turns


def round_up(calls: float, callers: int) -> int:
    """Calls that all callers share equally."""
    return -(-int(calls) // callers) * callers


async def take_turn(
    servers: MeasuredServers, generator: LoadGenerator, operation: MeasuredOperation, calls: int
) -> Turn:
    """Raises NotMeasured."""
    server = servers.by_name[operation.server]
    order = LoadOrder(operation.operation, server.url, servers.token, calls, operation.callers)
    await generator.tell(asdict(order))
    server.clock.lap()
    servers.postgresql.lap()
    figures = LoadFigures(**await generator.tell({"go": True}))
    processor, postgresql = server.clock.lap(), servers.postgresql.lap()
    return Turn(
        figures.calls,
        figures.calls / figures.seconds,
        processor / figures.calls * 1e6,
        postgresql / figures.calls * 1e6,
        figures.p50_ms,
        figures.p99_ms,
        figures.generator,
    )


def operations_of(turns: Sequence[str]) -> list[MeasuredOperation]:
    return [operation for operation in OPERATIONS if operation.name in turns]
