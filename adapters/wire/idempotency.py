"""Requests with an `Idempotency-Key`: carried out once, answered as often as they are sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from adapters.wire.problems import to_problem
from domain.basket.command_executor import VersionConflict
from domain.basket.idempotency import IdempotencyContext, IdempotencyStore
from domain.ports.event_store import IdempotencyKey, RenderedResponse
from domain.shared.errors import BasketNotFound, CommandRejected

R = TypeVar("R")
Carry = Callable[[IdempotencyContext[R] | None], Awaitable[R]]


async def answer_once(
    answers: IdempotencyStore,
    key: IdempotencyKey | None,
    carry_out: Carry[R],
    render: Callable[[R], RenderedResponse],
) -> RenderedResponse:
    """The answer to a command, the first one again where the key was used before.

    One key has one outcome: a success is stored in the transaction of the command's events, and a refusal
    before it is told, whatever a later try might find. Where a twin's answer lies there first, that is told.
    Only failures of ours, and that nothing is decided yet, are raised without being stored; and that there is no
    such basket, which stays so: an id is told only once its basket is there.
    """
    if key is None:
        return render(await carry_out(None))

    async def run() -> RenderedResponse:
        rendered: list[RenderedResponse] = []

        def render_once(result: R) -> RenderedResponse:
            # a command that met a conflict is decided again: the last rendering is the stored one
            rendered[:] = [render(result)]
            return rendered[0]

        try:
            await carry_out(IdempotencyContext(key, render_once))
        except BasketNotFound:
            raise
        except VersionConflict as refusal:
            answer = to_problem(refusal).answer()
            await answers.save_versioned_response(key, answer, refusal.basket)
            return answer
        except CommandRejected as refusal:
            answer = to_problem(refusal).answer()
            await answers.settle(key, answer)
            return answer
        return rendered[0]

    given = await answers.once(key, run)
    if not given.replayed:
        return given.answer
    return replace(given.answer, headers={**given.answer.headers, "Idempotent-Replayed": "true"})
