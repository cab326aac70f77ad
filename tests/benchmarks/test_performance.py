"""How calls are compared: rules of targets, clocks and the connection that makes the load."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.http_connection import HttpConnection
from benchmarks.performance.comparison import OPERATIONS as MEASURED
from benchmarks.performance.operations import OPERATIONS
from benchmarks.performance.results import PerformanceResults, latest_results, read_results
from benchmarks.performance.targets import TARGETS, Judgement, PerformanceTarget, Turn, judge
from benchmarks.processor_clock import ProcessorClock

TURN = Turn(calls=100, per_second=1000.0, processor_us=80.0, postgresql_us=0.0, p50_ms=1.0, p99_ms=2.0, generator=0.1)
BUSY = """
from time import process_time
input()
while process_time() < 0.5: pass
print("done", flush=True)
input()
"""


def test_a_ratio_compares_turns_of_one_round_and_the_median_of_the_rounds_is_judged() -> None:
    hellos = [replace(TURN, processor_us=cost) for cost in (100.0, 200.0, 100.0)]
    updates = [replace(TURN, processor_us=cost) for cost in (150.0, 300.0, 500.0)]
    (found,) = judge(
        {"update": updates, "hello": hellos}, [PerformanceTarget("update", "hello", "processor time", 2.0)]
    )
    assert (found.value, found.least, found.most, found.met) == (1.5, 1.5, 5.0, True)


@pytest.mark.parametrize(("rate", "met"), [(3999.0, False), (4000.0, True)])
def test_a_throughput_is_to_reach_its_limit(rate: float, met: bool) -> None:
    turns = {"update": [replace(TURN, per_second=rate)], "emmett": [TURN]}
    (found,) = judge(turns, [PerformanceTarget("update", "emmett", "throughput", 4.0, at_least=True)])
    assert found.met is met


def test_a_latency_beside_another_is_their_difference() -> None:
    turns = {"lone update": [replace(TURN, p50_ms=2.5)], "lone hello": [TURN]}
    (found,) = judge(turns, [PerformanceTarget("lone update", "lone hello", "added latency in ms", 1.5)])
    assert found.value == 1.5
    assert found.met


def test_what_a_peer_is_missing_for_is_neither_met_nor_missed() -> None:
    (found,) = judge({"update": [TURN]}, [PerformanceTarget("update", "emmett", "throughput", 4.0, at_least=True)])
    assert found.met is None
    assert results(found).met


def test_every_target_names_what_is_measured() -> None:
    calls = {operation.name for operation in MEASURED}
    appends = {f"{way}, {callers}" for way in ("append", "INSERT") for callers in ("1 caller", "64 callers")}
    assert {name for target in TARGETS for name in (target.operation, target.peer)} <= calls | appends
    assert {operation.operation for operation in MEASURED} == set(OPERATIONS)


def test_results_are_read_as_they_were_written_and_the_newest_is_found(tmp_path: Path) -> None:
    (judged,) = judge({"update": [TURN], "hello": [TURN]}, TARGETS[:1])
    older, newer = results(judged), results(judged, made="2026-11-29T10:00:00+00:00")
    newer.write(tmp_path)
    older.write(tmp_path)
    (tmp_path / "soak-2026-11-30-abc1234.json").write_text("{}")
    latest = latest_results(tmp_path)
    assert latest is not None
    assert read_results(latest).encoded() == newer.encoded()


def results(*targets: Judgement, made: str = "2026-11-28T10:00:00+00:00") -> PerformanceResults:
    return PerformanceResults(
        made=made,
        commit="abc1234",
        machine={},
        rounds=1,
        others=0.0,
        turns={"update": [TURN]},
        targets=targets,
        skipped={},
        sections={},
    )


def test_the_clock_counts_children_and_starts_again_with_each_lap() -> None:
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        clock = ProcessorClock(parent.pid)
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        worked, idle = clock.lap(), clock.lap()
        os.kill(parent.pid, signal.SIGTERM)
    assert worked > 0.4
    assert idle < 0.1


async def test_an_answer_may_come_in_any_pieces_and_a_closed_connection_is_an_error() -> None:
    pieces = [b"HTTP/1.1 20", b"0 OK\r\nContent-", b"Length: 5\r\n\r", b"\nhe", b"llo"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        connection = await HttpConnection.open(host, port)
        assert await connection.request(b"GET / HTTP/1.1\r\n\r\n") == (200, b"hello")
        with pytest.raises(ConnectionError):
            await connection.request(b"GET / HTTP/1.1\r\n\r\n")


def test_the_clock_counts_a_child_that_ended_once() -> None:
    script = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}]); print('over', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        clock = ProcessorClock(parent.pid)
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        worked = clock.lap()
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == b"over\n"
        ended = clock.lap()
        os.kill(parent.pid, signal.SIGTERM)
    assert worked > 0.4
    assert -0.1 < ended < 0.2
