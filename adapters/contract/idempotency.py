"""Requests with an `Idempotency-Key`: carried out once, answered as often as they are sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from adapters.contract.problems import problem_of
from domain.basket.answering import Answers, Remember
from domain.errors import BasketFinished, InvalidCommand
from domain.ports import Answer, AnswerKey

R = TypeVar("R")
Carry = Callable[[Remember[R] | None], Awaitable[R]]


async def answer_once(
    answers: Answers, key: AnswerKey | None, carry_out: Carry[R], render: Callable[[R], Answer]
) -> Answer:
    """The answer to a command, the first one again where the key was used before.

    It is stored in the transaction of the command's events; what the domain refuses for good is stored
    too. Whatever a later try may cure is raised and not stored.
    """
    if key is None:
        return render(await carry_out(None))

    async def run() -> Answer:
        rendered: list[Answer] = []

        def render_once(result: R) -> Answer:
            # a command that met a conflict is decided again: the last rendering is the stored one
            rendered[:] = [render(result)]
            return rendered[0]

        try:
            await carry_out(Remember(key, render_once))
        except (InvalidCommand, BasketFinished) as refusal:
            answer = problem_of(refusal).answer()
            await answers.settle(key, answer)
            return answer
        return rendered[0]

    given = await answers.once(key, run)
    if not given.replayed:
        return given.answer
    return replace(given.answer, headers={**given.answer.headers, "Idempotent-Replayed": "true"})
