"""What lies in PostgreSQL and on Kafka after the journeys, and whether the two agree."""

from __future__ import annotations

import json
from time import monotonic

from adapters.kafka.clients import consumer
from adapters.kafka.topics import BASKET_EVENTS, VALIDATION_RESULTS
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from cli.demo.presenter import Document, Presenter

MESSAGE_LIMIT = 30.0
_EVENTS_OF = "SELECT position, version, type, data FROM events WHERE stream_id = $1 ORDER BY version"
"""A basket's events as they lie in the store."""


async def stored_events(database_url: str, basket_ids: list[str]) -> dict[str, list[Document]]:
    database = DatabasePool(database_url)
    try:
        async with database.connection() as connection:
            return {
                basket_id: [
                    {**dict(row), "data": json.loads(row["data"])}
                    for row in await connection.fetch(_EVENTS_OF, basket_id)
                ]
                for basket_id in basket_ids
            }
    finally:
        await database.close()


async def messages(settings: Settings, wanted: set[str]) -> list[Document]:
    """Every message of the two topics, read until all the wanted events were seen, or the limit."""
    reader = consumer(settings, BASKET_EVENTS, VALIDATION_RESULTS, group=None)
    await reader.start()
    found: list[Document] = []
    missing = set(wanted)
    verdicts = 0
    deadline = monotonic() + MESSAGE_LIMIT
    try:
        while (missing or verdicts < 2) and monotonic() < deadline:
            for records in (await reader.getmany(timeout_ms=200)).values():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    found.append(
                        {
                            "topic": record.topic,
                            "partition": record.partition,
                            "offset": record.offset,
                            "value": json.loads(record.value),
                            **headers,
                        }
                    )
                    if record.topic == BASKET_EVENTS:
                        missing.discard(headers["ce_id"])
                    else:
                        verdicts += 1
    finally:
        await reader.stop()
    return found


def compare(
    stage: Presenter,
    stored: dict[str, list[Document]],
    read: list[Document],
    verdicts: dict[str, Document],
) -> None:
    example = next(message for message in read if "order-item-added" in message["ce_type"])
    stage.answer("one message: its headers, and its value", example)
    for basket_id, rows in stored.items():
        of_basket = [message for message in read if message["ce_subject"] == basket_id]
        stage.messages(basket_id, of_basket)
        events = [message for message in of_basket if message["topic"] == BASKET_EVENTS]
        stage.expect(
            [message["value"] for message in events] == [row["data"] for row in rows],
            f"the topic and the store differ for {basket_id}",
        )
        results = [message["value"] for message in of_basket if message["topic"] == VALIDATION_RESULTS]
        stage.expect(
            results == [verdicts[basket_id]],
            f"the verdict on {VALIDATION_RESULTS} differs from the answer for {basket_id}",
        )
