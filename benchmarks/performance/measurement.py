"""One run: servers, rounds, appends, and the judgement."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from adapters.embedded.processes import die_with_parent
from benchmarks.append_rate import AppendRound
from benchmarks.journey.machine_load import OtherLoad
from benchmarks.performance.comparison import NotMeasured, compare
from benchmarks.performance.results import PerformanceResults, commit, machine, now
from benchmarks.performance.servers import running_servers
from benchmarks.performance.targets import Turn, judge

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: rounds, the share of each operation's calls, and appends' callers and seconds a round."""

    rounds: int
    share: float
    append_callers: Sequence[int]
    append_seconds: float


WHOLE = Extent(rounds=9, share=1.0, append_callers=(1, 16, 64, 256), append_seconds=1.0)
QUICK = Extent(rounds=5, share=0.5, append_callers=(1, 64), append_seconds=0.5)


async def measure(extent: Extent, database_url: str | None, tell: Tell) -> PerformanceResults:
    """Raises NotMeasured, ServerFailed or EmbeddedServerUnavailable."""
    others = OtherLoad()
    tell("starting PostgreSQL, the API and its peers")
    with tempfile.TemporaryDirectory(prefix="checkout-performance-") as name:
        folder = Path(name)
        async with running_servers(database_url, folder) as servers:
            for peer, reason in servers.skipped.items():
                tell(f"{peer} is skipped: {reason}")
            try:
                turns = await compare(servers, extent.rounds, extent.share, tell)
            except NotMeasured as error:
                raise NotMeasured(f"{error}\n{_ends_of_logs(folder)}") from error
            share, skipped = others.share, servers.skipped
    tell("appends beside plain INSERTs")
    turns |= await _appends(extent, database_url)
    return PerformanceResults(
        made=now(),
        commit=commit(),
        machine=machine(),
        rounds=extent.rounds,
        others=share,
        turns=turns,
        targets=judge(turns),
        skipped=skipped,
        sections={},
    )


async def _appends(extent: Extent, database_url: str | None) -> dict[str, list[Turn]]:
    """The turns of appends and INSERTs, which run in a process of their own."""
    server = ("--database-url", database_url) if database_url else ()
    rounds, seconds = str(extent.rounds), str(extent.append_seconds)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.append_rate", "--json", *server, "--rounds", rounds, "--seconds", seconds),
        *("--callers", *map(str, extent.append_callers)),
        stdout=PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    try:
        output, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
    if process.returncode != 0:
        raise NotMeasured(f"appends: benchmarks.append_rate ended with {process.returncode}")
    measured = msgspec.json.decode(output, type=dict[int, dict[str, list[AppendRound]]])
    return {
        f"{way}, {callers} {'caller' if callers == 1 else 'callers'}": [_turn(round) for round in rounds_of]
        for callers, ways in measured.items()
        for way, rounds_of in ways.items()
    }


def _turn(round: AppendRound) -> Turn:
    """Callers and appender are one process, so that no generator stands beside it."""
    return Turn(
        round.appends,
        round.per_second,
        round.processor_us,
        round.postgresql_us,
        round.p50_ms,
        round.p99_ms,
        generator=0.0,
    )


def _ends_of_logs(folder: Path) -> str:
    logs = ((log.name, log.read_text(errors="replace").splitlines()[-5:]) for log in sorted(folder.glob("*.log")))
    return "\n".join(f"{name}: {line}" for name, lines in logs for line in lines)
