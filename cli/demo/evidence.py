"""What PostgreSQL and Kafka hold after the journeys, and whether the two agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from time import monotonic

from adapters.container import open_operator_container
from adapters.kafka.clients import consumer
from adapters.kafka.topics import BASKET_EVENTS, VALIDATION_RESULTS
from adapters.settings import Settings
from cli.demo.presenter import Document, Presenter
from domain.operators.history.as_of import HistoryEntry

MESSAGE_LIMIT = 30.0


async def stored_events(settings: Settings, basket_ids: Sequence[str]) -> dict[str, Sequence[HistoryEntry]]:
    """The events of each basket in the store."""
    async with open_operator_container(settings) as container:
        return {id: await container.basket_history.entries(id) for id in basket_ids}


async def published_messages(settings: Settings, event_ids: set[str], verdicts: int) -> list[Document]:
    """The messages of both topics, read until the events and so many verdicts were seen, or 30 s have passed."""
    reader = consumer(settings, BASKET_EVENTS, VALIDATION_RESULTS, group=None)
    await reader.start()
    messages: list[Document] = []
    deadline = monotonic() + MESSAGE_LIMIT
    try:
        while monotonic() < deadline:
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    place = {
                        "topic": record.topic,
                        "partition": record.partition,
                        "offset": record.offset,
                    }
                    messages.append({**place, "value": json.loads(record.value), **headers})
            seen = {message["ce_id"] for message in messages if message["topic"] == BASKET_EVENTS}
            found = sum(message["topic"] == VALIDATION_RESULTS for message in messages)
            if event_ids <= seen and found >= verdicts:
                break
    finally:
        await reader.stop()
    return messages


def compare(
    presenter: Presenter,
    stored: Mapping[str, Sequence[HistoryEntry]],
    messages: Sequence[Document],
    verdicts: Mapping[str, Document],
) -> None:
    """Shows the messages and expects them to equal the store's events and the API's verdicts."""
    example = next(message for message in messages if "order-item-added" in message["ce_type"])
    presenter.json("one message: its headers, and its value", example)
    for basket_id, entries in stored.items():
        of_basket = [message for message in messages if message["ce_subject"] == basket_id]
        presenter.messages(basket_id, of_basket)
        events = [message["value"] for message in of_basket if message["topic"] == BASKET_EVENTS]
        presenter.expect(events == [entry.data for entry in entries], f"the topic and the store differ for {basket_id}")
        results = [message["value"] for message in of_basket if message["topic"] == VALIDATION_RESULTS]
        presenter.expect(
            results == [verdicts[basket_id]],
            f"the verdict on {VALIDATION_RESULTS} differs from the response for {basket_id}",
        )
