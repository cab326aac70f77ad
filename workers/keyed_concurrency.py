"""Concurrency that keeps the order of work with a common key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

W = TypeVar("W")
R = TypeVar("R")


async def run_keyed(
    work: Sequence[W],
    names: Callable[[W], Collection[str]],
    do: Callable[[W], Awaitable[R]],
    *,
    at_once: int,
) -> list[R]:
    """The results, in the order of the work. Work that shares a name runs in its order; else up to `at_once` tasks run
    at the same time. The first error ends everything."""
    last_of: dict[str, asyncio.Task[R]] = {}
    places = asyncio.Semaphore(at_once)

    async def one(each: W, before: Collection[asyncio.Task[R]]) -> R:
        if before:
            await asyncio.wait(before)
        async with places:
            return await do(each)

    try:
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[R]] = []
            for each in work:
                called = names(each)
                before = {last_of[name] for name in called if name in last_of}
                task = group.create_task(one(each, before))
                tasks.append(task)
                last_of.update(dict.fromkeys(called, task))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
