"""Judges what a consumer reads from our topics: each message is conformant, comes once and in order, and says the same as
the others. It knows the documents, and no code of ours."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from cli.conformance.cloud_event_rules import CloudEventRules, WireMessage
from tests.chaos.order_fold import OrderFold

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"

EVENTS = "checkout.basket-events.v1"
STATES = "checkout.baskets.v1"
VERDICTS = "checkout.validation-results.v1"
COMMAND_RESULTS = "checkout.command-results.v1"
ORDER_RESULTS = "checkout.order-results.v1"
DEAD_LETTERS = "checkout.dead-letters.v1"
TOPICS = (EVENTS, STATES, VERDICTS, COMMAND_RESULTS, ORDER_RESULTS, DEAD_LETTERS)

LETTER_CODES = {"not_an_order", "no_command_id"}
"""Dead letters of nonsense, which the run sends on purpose."""

MAX_FAULTS = 50
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Consumed:
    """A message, and where it lay."""

    topic: str
    partition: int
    message: WireMessage

    @property
    def key(self) -> str:
        return (self.message.key or b"").decode()

    def header(self, name: str) -> str:
        return dict(self.message.headers)[name].decode()

    @property
    def version(self) -> int:
        return int(self.header("ce_sequence"))

    def json(self) -> Json:
        document: Json = json.loads(self.message.value or b"")
        return document


@dataclass(slots=True)
class BasketReading:
    """What was read about one basket. `orders` are the bodies of GET at each version."""

    fold: OrderFold = field(default_factory=OrderFold)
    orders: dict[int, Json] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    """The last version of each request."""
    verdicts: list[int] = field(default_factory=list)
    """The versions at which it was validated."""
    request: tuple[int, int] = (0, 0)
    """Index and count of the last event within its request."""


class TopicJudge:
    """Takes messages in the order in which they come, from one thread. `faults` says in words what was wrong."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.baskets: dict[str, BasketReading] = defaultdict(BasketReading)
        self.results: dict[str, Counter[str]] = defaultdict(Counter)
        """How many results of each topic answer the message of an id."""
        self._rules = CloudEventRules()
        # Dead letters are delivered at least once.
        self._letter_rules = CloudEventRules(repeats_allowed=True)
        self._partitions: dict[tuple[str, str], int] = {}
        self.letters: set[str] = set()
        """Where the messages lay that became dead letters."""
        self._states: dict[str, list[tuple[int, Json | None]]] = defaultdict(list)
        self._verdicts: dict[str, list[tuple[int, Json]]] = defaultdict(list)
        self._read: Mapping[str, Callable[[Consumed], Iterator[str]]] = {
            EVENTS: self._event,
            STATES: self._state,
            VERDICTS: self._verdict,
            COMMAND_RESULTS: self._result,
            ORDER_RESULTS: self._result,
            DEAD_LETTERS: self._letter,
        }

    def read(self, consumed: Consumed) -> None:
        self.counts[consumed.topic] += 1
        rules = self._letter_rules if consumed.topic == DEAD_LETTERS else self._rules
        faults = rules.broken_by(consumed.message)
        if not faults:
            faults = [*_schema_faults(consumed), *self._place_faults(consumed), *self._read[consumed.topic](consumed)]
        self._note(*(f"{consumed.topic} {consumed.key} {fault}" for fault in faults))

    def finish(self) -> None:
        """Compares the topics, once all has been read."""
        for basket_id, history in self.baskets.items():
            index, count = history.request
            if index != count:
                self._note(f"{basket_id}: the last request has {index} of {count} events")
            verdicts = [version for version, _ in self._verdicts[basket_id]]
            if verdicts != history.verdicts:
                self._note(f"{basket_id}: verdicts at {verdicts}, validated at {history.verdicts}")
            for version, verdict in self._verdicts[basket_id]:
                if verdict["checkout"] != _as_seen_at(history.orders.get(version - 1), verdict["validatedAt"]):
                    self._note(f"{basket_id}: the verdict at {version} is not about the basket at {version - 1}")
            self._compare_states(basket_id, history)

    @property
    def unretired(self) -> int:
        """How many baskets are over and have no tombstone yet."""
        over = [id for id, each in self.baskets.items() if each.fold.body()["order"]["status"] != "open"]
        return sum(1 for id in over if self._states[id][-1][1] is not None)

    def _compare_states(self, basket_id: str, history: BasketReading) -> None:
        states = self._states[basket_id]
        versions = [version for version, _ in states]
        if sorted(set(versions)) != history.ends or versions != sorted(versions):
            self._note(f"{basket_id}: states at {versions}, requests ended at {history.ends}")
        for version, body in states:
            expected = history.orders.get(version)
            if body is None:
                if expected is None or expected["order"]["status"] == "open":
                    self._note(f"{basket_id}: a tombstone at {version}, when the basket was not over")
            elif body != expected:
                self._note(f"{basket_id}: the state at {version} is not the fold of its events")

    def _note(self, *faults: str) -> None:
        self.faults += faults[: max(0, MAX_FAULTS - len(self.faults))]

    def _place_faults(self, consumed: Consumed) -> Iterator[str]:
        partition = self._partitions.setdefault((consumed.topic, consumed.key), consumed.partition)
        if partition != consumed.partition:
            yield f"lies in partition {consumed.partition}, and lay in {partition}"

    def _event(self, consumed: Consumed) -> Iterator[str]:
        history, event, version = self.baskets[consumed.key], consumed.json(), consumed.version
        yield from _basket_faults(consumed, f"{consumed.key}/{version}")
        if event["version"] != version or event["type"] != consumed.header("ce_type"):
            yield f"has sequence {version} and another version or type in its value"
        if version != history.fold.version + 1:
            yield f"{version} comes after {history.fold.version}"
            return
        index, count = int(consumed.header("ce_requestindex")), int(consumed.header("ce_requestcount"))
        before = history.request
        expected = (1, count) if before[0] == before[1] else (before[0] + 1, before[1])
        if (index, count) != expected or index > count:
            yield f"{version} is event {index} of {count} of its request, after event {before[0]} of {before[1]}"
        history.request = (index, count)
        try:
            history.fold.apply(event)
        except KeyError as error:
            yield f"{version} cannot follow: it lacks {error}"
            return
        history.orders[version] = history.fold.body()
        if index == count:
            history.ends.append(version)
        if event["type"] == "checkout.basket-validated.v1":
            history.verdicts.append(version)

    def _verdict(self, consumed: Consumed) -> Iterator[str]:
        version, verdict = consumed.version, consumed.json()
        yield from _basket_faults(consumed, f"{consumed.key}/{version}/verdict")
        if verdict["basketVersion"] != version - 1:
            yield f"the verdict at {version} names version {verdict['basketVersion']}"
        self._verdicts[consumed.key].append((version, verdict))

    def _state(self, consumed: Consumed) -> Iterator[str]:
        tombstone = consumed.message.value is None
        yield from _basket_faults(
            consumed, f"{consumed.key}/{consumed.version}/{'tombstone' if tombstone else 'state'}"
        )
        if consumed.header("ce_requestindex") != consumed.header("ce_requestcount"):
            yield f"the state at {consumed.version} is not about the last event of a request"
        self._states[consumed.key].append((consumed.version, None if tombstone else consumed.json()))

    def _result(self, consumed: Consumed) -> Iterator[str]:
        self.results[consumed.topic][consumed.header("ce_correlationid")] += 1
        return iter(())

    def _letter(self, consumed: Consumed) -> Iterator[str]:
        self.letters.add(consumed.header("ce_id"))
        if consumed.header("dead_letter_code") not in LETTER_CODES:
            yield f"is a dead letter: {consumed.header('dead_letter_code')}, {consumed.header('dead_letter_error')}"


def _as_seen_at(body: Json | None, moment: str) -> Json | None:
    """The order as it is at a moment: a basket expires without an event at first."""
    if body is None:
        return None
    order: Json = body["order"]
    over = order["status"] == "open" and datetime.fromisoformat(moment) >= datetime.fromisoformat(order["expiresAt"])
    return {**order, "status": "expired"} if over else order


def _basket_faults(consumed: Consumed, id: str) -> Iterator[str]:
    expected = {
        "ce_id": id,
        "ce_source": f"/partner/checkout/baskets/{consumed.key}",
        "ce_subject": consumed.key,
        "ce_partitionkey": consumed.key,
        "ce_sequence": f"{consumed.version:010}",
        "ce_dataschema": f"urn:checkout:schema:{consumed.header('ce_type')}",
    }
    for name, value in expected.items():
        if consumed.header(name) != value:
            yield f"{name} is {consumed.header(name)!r}, not {value!r}"
    for name in ("ce_time", "ce_recordedtime", "ce_correlationid", "ce_causationid", "ce_partnerorg", "traceparent"):
        if name not in dict(consumed.message.headers):
            yield f"{name} is missing"


def _schema_faults(consumed: Consumed) -> Iterator[str]:
    if consumed.topic == DEAD_LETTERS or consumed.message.value is None:
        return
    for error in _validator(consumed.header("ce_type")).iter_errors(consumed.json()):
        yield f"is not valid by its schema: {error.json_path}: {error.message[:200]}"


@cache
def _validator(type: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{type}.json").read_text())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
