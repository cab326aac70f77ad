"""One `play` from its start to the comparison."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.journey.comparison import compare
from benchmarks.journey.playthrough import (
    INTERRUPTED,
    OptionsChanged,
    PlayOptions,
    Playthrough,
)
from benchmarks.journey.progress_bars import CONSOLE
from benchmarks.journey.target import LoadFailed, TargetService, own_service


def play_and_compare(week: int, limit: int, callers: int, folder: Path, service: Path | None) -> int:
    """The exit code: 0 where nothing differs."""
    try:
        run = Playthrough(folder, PlayOptions(week, limit, callers))
        running = TargetService.of(service.read_text()) if service is not None else None
        whole = asyncio.run(_play(run, running))
    except (OptionsChanged, LoadFailed) as error:
        CONSOLE.print(str(error), markup=False)
        return 1
    if not whole:
        CONSOLE.print("Interrupted; the same command goes on with it.")
        return INTERRUPTED
    differences = compare(run)
    CONSOLE.print("Nothing differs." if differences == 0 else f"{differences:,} differences")
    return 0 if differences == 0 else 1


async def _play(run: Playthrough, running: TargetService | None) -> bool:
    if running is not None:
        return await _play_against(run, running)
    async with own_service(run.folder / "service") as own:
        return await _play_against(run, own)


async def _play_against(run: Playthrough, service: TargetService) -> bool:
    whole = await run.play(service)
    baskets = run.asked.limit
    for what in ("initiate", "validate"):
        if what in run.seconds:
            rate = baskets / run.seconds[what]
            CONSOLE.print(f"{what}: {run.seconds[what]:.1f} s, {rate:,.0f} baskets a second")
    if (api := service.api()) is not None:
        CONSOLE.print(f"memory of the API: {api.memory_info().rss / 1e6:,.0f} MB")
    return whole
