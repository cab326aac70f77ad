"""Whether a basket still is what a promise says of it. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.basket.codec import decode_all
from domain.basket.events import BasketStatus, BasketValidated
from domain.basket.orders import changes_content
from domain.ports.event_store import EventStore
from domain.ports.promises import BasketPromise
from domain.shared.errors import BasketArchived, BasketNotFound
from domain.validation.promise import evidence_digest
from domain.validation.revalidate_as_of import AsOfValidator, AsOfVerdict
from domain.validation.stream_fold import BASKET_VALIDATED

PromiseProblem = Literal[
    "basket_unknown", "promise_unknown", "basket_changed", "verdict_differs", "evidence_differs", "basket_not_open"
]
"""Why a promise does not hold of its basket. Programs use these codes, so they are promises."""


@dataclass(frozen=True, slots=True)
class PromiseCheck:
    """`status` and `version` are the basket's now. `changed_at` is the version of the first change since.

    `verdict_version` is the version of the verdict that carries the promise. `repeated` is whether the checks of
    today, on the facts of then, say the same. `ready_now` is the verdict by the facts of now, which no promise covers.
    """

    problems: tuple[PromiseProblem, ...]
    status: BasketStatus | None = None
    version: int | None = None
    changed_at: int | None = None
    verdict_version: int | None = None
    repeated: bool | None = None
    ready_now: bool | None = None


class PromiseChecker:
    """Checks promises whose signature is verified already."""

    def __init__(self, store: EventStore, validator: AsOfValidator) -> None:
        self._store = store
        self._validator = validator

    async def check(self, promise: BasketPromise, token: str) -> PromiseCheck:
        """Judges the basket anew as of the promised version, and looks at what happened since. Raises
        BasketArchived and StoreUnavailable."""
        try:
            now = await self._validator.now(promise.basket_id)
        except BasketArchived:
            raise
        except BasketNotFound:
            return PromiseCheck(("basket_unknown",))
        basket = now.basket
        if basket.partner != promise.partner:
            return PromiseCheck(("basket_unknown",))
        stored = await self._store.read_events(promise.basket_id)
        later = [event for event in stored if event.version > promise.basket_version]
        changed_at = next((event.version for event in later if changes_content([event.type])), None)
        verdict_version = _verdict_of([event.data for event in later if event.type == BASKET_VALIDATED], promise, token)
        problems: list[PromiseProblem] = []
        repeated = None
        if verdict_version is None:
            problems.append("promise_unknown")
        else:
            differences = _differences(promise, await self._validator.at_version(promise.basket_id, verdict_version))
            problems += differences
            repeated = not differences
        if changed_at is not None:
            problems.append("basket_changed")
        if basket.status != "open":
            problems.append("basket_not_open")
        return PromiseCheck(
            tuple(problems), basket.status, basket.version, changed_at, verdict_version, repeated, now.verdict.ready
        )


def _verdict_of(verdicts: Sequence[bytes], promise: BasketPromise, token: str) -> int | None:
    """The version of the verdict that carries the promise."""
    for event in decode_all(b"[" + b",".join(verdicts) + b"]"):
        if isinstance(event, BasketValidated) and event.promise == token:
            return event.originator_version if event.basket_version == promise.basket_version else None
    return None


def _differences(promise: BasketPromise, repeated: AsOfVerdict) -> list[PromiseProblem]:
    problems: list[PromiseProblem] = []
    if not repeated.verdict.ready or repeated.basket.total != promise.total:
        problems.append("verdict_differs")
    if evidence_digest(repeated.verdict.evidence) != promise.evidence:
        problems.append("evidence_differs")
    return problems
