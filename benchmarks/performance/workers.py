"""What a second process buys on this machine: an API with one and with two, and one and two projectors, by turns.

The load generator, PostgreSQL and Kafka share the processors with them, and the figures say which part each took.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import projector_rate
from benchmarks.journey.machine_load import OtherLoad
from benchmarks.performance.comparison import MeasuredOperation, load_generator, take_turn
from benchmarks.performance.servers import running_apis
from benchmarks.performance.targets import Turn, median_of

PROCESSES = (1, 2)
CALLERS = 64
"""Enough to keep two processes busy."""
CALLS = 6400
OPERATIONS = ("update", "get")
ROUNDS = 7
PROJECTED_BASKETS = 3_000
PROJECTOR_ROUNDS = 3

# The sessions of the service in this database. (The pool's driver names them all.)
COUNT_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE 'checkout%'
"""

Turns = Mapping[str, Mapping[str, Sequence[Turn]]]
"""By operation and number of processes, one for each round."""


async def measure_workers(tell: Callable[[str], None]) -> dict[str, Any]:
    """Raises NotMeasured, ServerFailed or EmbeddedServerUnavailable."""
    turns, connections, others = await _api_turns(tell)
    tell("projectors")
    projectors = await projector_rate.measure(PROJECTED_BASKETS, PROJECTOR_ROUNDS)
    return {
        "processors": os.cpu_count(),
        "callers": CALLERS,
        "rounds": ROUNDS,
        "others": round(others, 3),
        "api": {name: _compared(of_operation) for name, of_operation in turns.items()},
        "connections": connections,
        "projectors": projectors,
    }


async def _api_turns(tell: Callable[[str], None]) -> tuple[Turns, Mapping[str, int], float]:
    """The turns, how many connections to PostgreSQL were open after them, and what other processes took meanwhile."""
    others = OtherLoad()
    turns: dict[str, dict[str, list[Turn]]] = {name: {} for name in OPERATIONS}
    with tempfile.TemporaryDirectory(prefix="checkout-workers-") as folder:
        async with running_apis(None, Path(folder), PROCESSES) as apis, load_generator() as generator:
            for round in range(ROUNDS + 1):
                tell(f"round {round} of {ROUNDS}" if round else "warming up")
                for name in OPERATIONS:
                    for processes in apis.databases:
                        operation = MeasuredOperation(name, name, processes, CALLS, CALLERS)
                        turn = await take_turn(apis.servers, generator, operation, CALLS)
                        if round:
                            turns[name].setdefault(processes, []).append(turn)
            sessions = {processes: await _sessions(url) for processes, url in apis.databases.items()}
            return turns, sessions, others.share


async def _sessions(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval(COUNT_SESSIONS)
        return count
    finally:
        await connection.close()


def _compared(turns: Mapping[str, Sequence[Turn]]) -> dict[str, dict[str, float]]:
    """By number of processes: medians. `api`, `postgresql` and `generator` are in processors."""
    return {
        processes: {
            "per_second": round(median_of(of_processes, "per_second")),
            "processor_us": round(median_of(of_processes, "processor_us"), 1),
            "postgresql_us": round(median_of(of_processes, "postgresql_us"), 1),
            "p50_ms": round(median_of(of_processes, "p50_ms"), 2),
            "p99_ms": round(median_of(of_processes, "p99_ms"), 2),
            "generator": round(median_of(of_processes, "generator"), 2),
        }
        for processes, of_processes in turns.items()
    }
