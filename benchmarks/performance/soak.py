"""Memory of each process under steady load, for long: at rest, while caches fill, under load, and at rest again."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from time import monotonic

import msgspec
import psutil

from adapters.container import open_partner_container
from adapters.settings import Settings
from benchmarks.findings_cost import PARTNER, facts
from benchmarks.gateway import SocketGateway, run_concurrently
from benchmarks.journey.target import TargetService, own_service
from benchmarks.performance.operations import LINES, add_body, change_body, initiate_body, landing_cookie
from benchmarks.performance.results import FOLDER, commit, now
from tests.contracts.catalogue import sourced

EVERY_SECONDS = 5.0
REST_SECONDS = 60.0
FILLING_BASKETS = 12_000
"""More than the API caches, by their lines."""
CALLERS = 16
VISIT_CALLS = 6


@dataclass(frozen=True, slots=True)
class MemorySample:
    """The memory of a process at a moment. Memory that processes share counts once: each gets its part."""

    second: float
    phase: str
    process: str
    megabytes: float


class SoakResults(msgspec.Struct, frozen=True):
    """All samples of a soak run."""

    made: str
    commit: str
    minutes: float
    calls_per_second: float
    samples: Sequence[MemorySample]

    def held(self, process: str, phase: str) -> float | None:
        """MB, the median."""
        held = [sample.megabytes for sample in self.samples if (sample.process, sample.phase) == (process, phase)]
        return median(held) if held else None

    def growth(self, process: str) -> float:
        """MB an hour, in the second half of the load."""
        loaded = [sample for sample in self.samples if (sample.process, sample.phase) == (process, "under load")]
        later = loaded[len(loaded) // 2 :]
        if len(later) < 2:
            return 0.0
        line = linear_regression([sample.second for sample in later], [sample.megabytes for sample in later])
        return line.slope * 3600

    def write(self, folder: Path) -> Path:
        """The file that was written."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"soak-{self.made[:10]}-{self.commit}.json"
        file.write_bytes(msgspec.json.encode(self) + b"\n")
        return file


@dataclass(frozen=True, slots=True)
class SoakFile:
    """A soak run that is kept."""

    file: Path
    results: SoakResults


def latest_soak(folder: Path = FOLDER) -> SoakFile | None:
    """The run that was made last, by the time that stands in its file."""
    runs = (
        SoakFile(file, msgspec.json.decode(file.read_bytes(), type=SoakResults)) for file in folder.glob("soak-*.json")
    )
    return max(runs, key=lambda run: run.results.made, default=None)


async def soak(minutes: float, rate: float, tell: Callable[[str], None], folder: Path = FOLDER) -> Path:
    """Runs `checkout up` with embedded servers and calls it; writes all samples, and returns their file."""
    with tempfile.TemporaryDirectory(prefix="checkout-soak-") as data:
        tell("starting the service and its servers")
        async with own_service(Path(data) / "service", CHECKOUT_LOG_LEVEL="INFO") as service:
            await _load_catalogue(service)
            sampler = _Sampler(monotonic())
            sampling = asyncio.create_task(sampler.run())
            try:
                async with SocketGateway(service) as gateway:
                    tell("at rest")
                    await asyncio.sleep(REST_SECONDS)
                    tell(f"filling caches by {FILLING_BASKETS:,} baskets")
                    sampler.phase = "filling caches"
                    await run_concurrently(CALLERS, range(FILLING_BASKETS), lambda _: _visit(gateway), asyncio.Event())
                    tell(f"{minutes:g} minutes of {rate:g} calls a second")
                    sampler.phase = "under load"
                    calls = await _visit_steadily(gateway, minutes * 60, rate)
                tell("at rest again")
                sampler.phase = "after"
                await asyncio.sleep(REST_SECONDS)
            finally:
                sampling.cancel()
    results = SoakResults(now(), commit(), minutes, calls / (minutes * 60), sampler.samples)
    return results.write(folder)


async def _load_catalogue(service: TargetService) -> None:
    settings = Settings(_env_file=None, database_url=service.database_url)
    async with open_partner_container(settings) as container:
        await container.catalogue.record(sourced(facts(LINES, 0)))


async def _initiate(gateway: SocketGateway) -> str:
    answer = await gateway.call(PARTNER, "POST", "/partner/checkout/initiate", body=initiate_body(LINES))
    id: str = msgspec.json.decode(answer)["id"]
    return id


async def _visit(gateway: SocketGateway) -> None:
    """The calls of one customer."""
    id = await _initiate(gateway)
    order = msgspec.json.decode(await gateway.get(PARTNER, id))["order"]
    line = order["orderItems"][-1]["id"]
    for body in (add_body(), change_body(line, 5), add_body()):
        await gateway.call(PARTNER, "PUT", "/partner/checkout/update", landing_cookie(id), body=body)
    await gateway.validate(PARTNER, id)


async def _visit_steadily(gateway: SocketGateway, seconds: float, rate: float) -> int:
    """The number of calls. A visit that takes longer delays none of the others. Raises UnexpectedAnswer."""
    began = monotonic()
    async with asyncio.TaskGroup() as visits:
        for number in itertools.count():
            due = began + number * VISIT_CALLS / rate
            if due > began + seconds:
                return number * VISIT_CALLS
            await asyncio.sleep(max(0.0, due - monotonic()))
            visits.create_task(_visit(gateway))
    raise AssertionError("the loop ends by its return")


class _Sampler:
    """Takes a sample of each process of the service, every few seconds."""

    def __init__(self, began: float) -> None:
        self.phase = "at rest"
        self.samples: list[MemorySample] = []
        self._began = began

    async def run(self) -> None:
        while True:
            second = round(monotonic() - self._began, 1)
            for name, bytes_held in (await asyncio.to_thread(_memory)).items():
                self.samples.append(MemorySample(second, self.phase, name, round(bytes_held / 1e6, 1)))
            await asyncio.sleep(EVERY_SECONDS)


def _memory() -> Mapping[str, float]:
    """Bytes by process; all of PostgreSQL together."""
    found: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            found[_name(process)] += getattr(memory, "pss", memory.rss)
    return found


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if "cli" in words:
        after = words[words.index("cli") + 1 :]
        return " ".join(itertools.takewhile(lambda word: not word.startswith("-"), after))
    name = process.name()
    return "PostgreSQL" if name.startswith("postgres") else "the embedded broker" if name.startswith("tansu") else name
