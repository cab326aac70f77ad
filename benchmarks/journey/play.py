"""Plays a week of real baskets: initiates them with the prices of that week, and validates them with the next week's."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.gateway import SocketGateway, run_concurrently
from benchmarks.journey import dataset
from benchmarks.journey.catalogue import FactRow
from benchmarks.journey.json_lines import (
    JsonLine,
    ResumableJournal,
    basket_of,
    basket_row,
    read_lines,
    verdict_row,
    write_lines,
)
from benchmarks.journey.planted_faults import PlantedFaults, plant_faults
from benchmarks.journey.planted_rates import currency_of
from benchmarks.journey.progress_bars import CONSOLE, bar, with_bar
from benchmarks.journey.records import LAST_WEEK, GroceryBasket
from benchmarks.journey.target import LoadFailed, TargetService, own_service

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """Play so many baskets of this week."""

    week: int
    limit: int
    callers: int = 16


class OptionsChanged(Exception):
    """The folder holds a run with other options."""


class Playthrough:
    """One run, kept in a folder. The run of a folder continues where it was interrupted."""

    def __init__(self, folder: Path, options: PlayOptions) -> None:
        """Raises OptionsChanged."""
        self.folder = folder
        self.options = options
        self.stop = asyncio.Event()
        self.seconds: dict[str, float] = {}
        self._state_file = folder / "state.json"
        self._state: JsonLine = {"week": options.week, "limit": options.limit}
        if self._state_file.exists():
            known = json.loads(self._state_file.read_text())
            if known | self._state != known:
                raise OptionsChanged(f"{folder} holds another run; use another folder, or remove it")
            self._state = known

    async def play(self, service: TargetService) -> bool:
        """Whether it finished: every basket is validated."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop.set)
        baskets = self.baskets()
        await self._load(service, "catalogue", self._catalogue)
        async with SocketGateway(service) as gateway:
            whole = await self._initiate(gateway, baskets)
        if whole:
            await self._load(service, "next-week", self._next_week)
            async with SocketGateway(service) as gateway:
                whole = await self._validate(gateway, baskets)
        return whole and not self.stop.is_set()

    def baskets(self) -> list[GroceryBasket]:
        file = self.folder / "baskets.jsonl"
        if not file.exists():
            with CONSOLE.status("reading the data"):
                found = dataset.baskets(self.options.week, self.options.limit)
            write_lines(file, map(basket_row, found))
        return [basket_of(row) for row in read_lines(file)]

    def planted(self) -> PlantedFaults:
        return plant_faults(self.baskets())

    def verdicts(self) -> Iterator[JsonLine]:
        return read_lines(self.folder / "verdicts.jsonl")

    async def _load(self, service: TargetService, name: str, rows: Any) -> None:
        """Writes a file of facts and loads it, unless that is done."""
        if self._state.get(name) == "learned" or self.stop.is_set():
            return
        file = self.folder / f"{name}.jsonl"
        if self._state.get(name) != "written":
            write_lines(file, rows())
            self._keep(**{name: "written"})
        with self._timed(name):
            summary = await service.load(file)
        CONSOLE.print(f"{name}: {summary['learned']:,} facts recorded in {self.seconds[name]:.0f} s")
        self._keep(**{name: "learned"})

    def _catalogue(self) -> Iterator[FactRow]:
        planted = self.planted()
        with CONSOLE.status("reading the data"):
            year = dataset.catalogue_year(self.options.week)
        weeks = range(1, LAST_WEEK + 1)
        for product in with_bar("facts", year.products, len(year.products)):
            if product.id not in planted.left_out:
                yield from planted.rates.into(product.id, year.facts(product, weeks), next_week=False)

    def _next_week(self) -> Iterator[FactRow]:
        """The next week's prices, and changes of stock. The service uses the real clock, so the next week begins now."""
        planted, year, now = self.planted(), dataset.catalogue_year(self.options.week), datetime.now(UTC)
        for product in year.products:
            if product.id not in planted.left_out:
                begins = year.week_begins(self.options.week + 1, now, product.id)
                yield from planted.rates.into(product.id, begins, next_week=True)
        yield from planted.rows(now)

    async def _initiate(self, gateway: SocketGateway, baskets: list[GroceryBasket]) -> bool:
        with ResumableJournal(self.folder / "initiated.jsonl", "basket") as journal, self._timed("initiate"):
            waiting = [basket for basket in baskets if basket.id not in journal.done]
            with bar("initiating", len(baskets), len(journal.done)) as advance:

                async def initiate(basket: GroceryBasket) -> None:
                    journal.record(
                        {"basket": basket.id, "id": await gateway.initiate(basket, currency_of(basket.store))}
                    )
                    advance(1)

                return await run_concurrently(self.options.callers, waiting, initiate, self.stop)

    async def _validate(self, gateway: SocketGateway, baskets: list[GroceryBasket]) -> bool:
        ids = {row["basket"]: row["id"] for row in read_lines(self.folder / "initiated.jsonl")}
        with ResumableJournal(self.folder / "verdicts.jsonl", "basket") as journal, self._timed("validate"):
            waiting = [basket for basket in baskets if basket.id not in journal.done]
            with bar("validating", len(baskets), len(journal.done)) as advance:

                async def validate(basket: GroceryBasket) -> None:
                    verdict = json.loads(await gateway.validate(basket.partner, ids[basket.id]))
                    journal.record(verdict_row(basket.id, verdict))
                    advance(1)

                return await run_concurrently(self.options.callers, waiting, validate, self.stop)

    def known_products(self) -> set[int]:
        return {product.id for product in dataset.products()} - self.planted().left_out

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[what] = perf_counter() - began

    def _keep(self, **more: str) -> None:
        self._state |= more
        self._state_file.write_text(json.dumps(self._state))


def play_and_compare(options: PlayOptions, folder: Path, service: Path | None) -> int:
    """Returns the exit code: 0 if nothing differs."""
    from benchmarks.journey.comparison import compare  # noqa: PLC0415  (needs the extra)

    try:
        run = Playthrough(folder, options)
        running = TargetService.of(service.read_text()) if service is not None else None
        whole = asyncio.run(_play(run, running))
    except (OptionsChanged, LoadFailed) as error:
        CONSOLE.print(str(error), markup=False)
        return 1
    if not whole:
        CONSOLE.print("Interrupted; the same command continues.")
        return INTERRUPTED
    differences = compare([*run.verdicts()], run.known_products(), run.planted(), run.options.week)
    CONSOLE.print("Nothing differs." if differences == 0 else f"{differences:,} differences")
    return 0 if differences == 0 else 1


async def _play(run: Playthrough, running: TargetService | None) -> bool:
    if running is not None:
        return await _play_against(run, running)
    async with own_service(run.folder / "service") as own:
        return await _play_against(run, own)


async def _play_against(run: Playthrough, service: TargetService) -> bool:
    whole = await run.play(service)
    baskets = run.options.limit
    for what in ("initiate", "validate"):
        if what in run.seconds:
            rate = baskets / run.seconds[what]
            CONSOLE.print(f"{what}: {run.seconds[what]:.1f} s, {rate:,.0f} baskets a second")
    if (api := service.api()) is not None:
        CONSOLE.print(f"memory of the API: {api.memory_info().rss / 1e6:,.0f} MB")
    return whole
