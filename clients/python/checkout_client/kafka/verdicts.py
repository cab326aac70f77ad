"""Reads verdicts: typed, each once, with their promises checked."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from checkout_client.jwks import PromiseKeysUnavailable
from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.dead_letters import DeadLetterHook, stop_reading
from checkout_client.kafka.message_reader import DEFAULT_RETRIES, Delivery, MessageReader, Retries
from checkout_client.kafka.messages import VERDICTS_TOPIC, EventContext, InvalidMessage, Record
from checkout_client.kafka.topic_reader import Start, TopicReader
from checkout_client.models.answers import Verdict
from checkout_client.promises import CheckedPromise, PromiseChecker, PromiseRefused

VERDICT_TYPE = "checkout.validation-result.v1"
REMEMBERED_VERDICTS = 100_000

_Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class VerdictMessage:
    """A verdict with its attributes."""

    context: EventContext
    data: Verdict
    promise: CheckedPromise | None = None
    """What its promise says: it is signed, in time, and about this basket, version and total. None if it has none, if it
    was refused, or if nobody checked it."""
    refused: PromiseRefused | None = None
    """Why its promise was refused, such as `expired`."""


class VerdictReader(MessageReader[VerdictMessage]):
    """Hands over the verdicts of `checkout.validation-results.v1`, at least once, in order per basket.

    A repeated verdict is passed over if it was handled lately in this process. Verdicts have no gaps to detect: not
    every version of a basket is validated.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        group: str | None = None,
        topic: str = VERDICTS_TOPIC,
        start: Start = "first",
        partitions: Collection[int] | None = None,
        promises: PromiseChecker | None = None,
        on_failure: DeadLetterHook = stop_reading,
        retries: Retries = DEFAULT_RETRIES,
        handover_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`promises` checks the promises of ready verdicts; while it has no keys, reading waits."""
        super().__init__(
            TopicReader(connection, topic, group=group, start=start, partitions=partitions),
            topic,
            on_failure=on_failure,
            retries=retries,
            handover_seconds=handover_seconds,
            clock=clock,
        )
        self._promises = promises
        self._checked: dict[Record, Delivery[VerdictMessage]] = {}
        self._handled: OrderedDict[_Key, None] = OrderedDict()
        self._underway: dict[_Key, list[Record]] = {}
        self._keys: dict[Delivery[VerdictMessage], _Key] = {}

    async def _look_up(self, contexts: Sequence[EventContext]) -> None:
        self._checked = {context.record: await self._read(context) for context in contexts}

    def _take(self, contexts: Sequence[EventContext]) -> None:
        for context in contexts:
            key, record = (context.basket_id, context.sequence), context.record
            if key in self._handled:
                self._progress.finished([record])
            elif key in self._underway:
                self._underway[key].append(record)
            else:
                delivery = self._checked[record]
                self._underway[key] = []
                self._keys[delivery] = key
                self._ready.append(delivery)

    async def _remember(self, delivery: Delivery[VerdictMessage]) -> None:
        key = self._keys.pop(delivery, None)
        if key is not None:
            self._handled[key] = None
            if len(self._handled) > REMEMBERED_VERDICTS:
                self._handled.popitem(last=False)
            self._progress.finished(self._underway.pop(key))

    def _forget(self, running: Sequence[Delivery[VerdictMessage]]) -> None:
        self._keys = {each: self._keys[each] for each in running if each in self._keys}
        self._underway = {key: [] for key in self._keys.values()}

    async def _read(self, context: EventContext) -> Delivery[VerdictMessage]:
        records = (context.record,)
        try:
            return Delivery(context.basket_id, records, await self._check(context, _verdict(context)))
        except (InvalidMessage, PromiseKeysUnavailable) as error:
            # Without keys the reader stops, and hands nothing over any more.
            return Delivery(context.basket_id, records, None, error)

    async def _check(self, context: EventContext, verdict: Verdict) -> VerdictMessage:
        """Raises PromiseKeysUnavailable only once the reader stops."""
        if self._promises is None or verdict.promise is None:
            return VerdictMessage(context, verdict)
        try:
            async for attempt in self._until_keys():
                with attempt:
                    promise = await self._promises.check(
                        verdict.promise,
                        basket_id=verdict.id,
                        basket_version=verdict.basket_version,
                        partner=context.partner,
                        total=None if verdict.checkout.total is None else verdict.checkout.total.model_dump(),
                        evidence=verdict.evidence,
                    )
        except PromiseRefused as refused:
            return VerdictMessage(context, verdict, None, refused)
        return VerdictMessage(context, verdict, promise)

    def _until_keys(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception_type(PromiseKeysUnavailable),
            wait=wait_exponential(0.2, 10) + wait_random(0, 0.2),
            stop=self._is_stopping,
            reraise=True,
        )

    def _is_stopping(self, state: RetryCallState) -> bool:
        return self._stopping


def _verdict(context: EventContext) -> Verdict:
    if context.type != VERDICT_TYPE:
        raise InvalidMessage(f"{context.type} is no verdict ({context.record.place})")
    try:
        return Verdict.model_validate_json(context.record.value or b"")
    except ValidationError as error:
        raise InvalidMessage(f"this is no verdict: {error} ({context.record.place})") from error
