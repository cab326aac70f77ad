from __future__ import annotations

import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, parse_catalogue_message
from adapters.kafka.consumer_group import ConsumerGroup
from adapters.kafka.topics import PRICES, ensure_topics
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.pool import DatabasePool
from adapters.settings import Settings
from domain.catalogue.epochs import FactMessage
from domain.catalogue.facts import Fact
from tests.basket_traffic import delivery, followed_topic, streaming_settings, topic_content
from tests.builders import availability, offer, price
from tests.cli.catalogue.test_fact_file import written
from tests.contracts.catalogue import unique
from tests.servers.checkout_command import environment_of, finish, start_checkout
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually
from tests.workers.running_worker import RecordedDeadLetters, ready_worker
from workers.catalogue import CatalogueWorker

COMMAND = "from cli.catalogue import app; app(prog_name='catalogue')"


@pytest.fixture
async def settings(kafka: KafkaServer, database_url: str) -> Settings:
    made = streaming_settings(kafka.bootstrap_servers, database_url, kafka_delivery=delivery(kafka))
    await ensure_topics(made)
    return made


async def begin(settings: Settings, *arguments: str | Path) -> Process:
    environment = environment_of(settings)
    return await start_checkout("load", "--json", *arguments, environment=environment, program=("-c", COMMAND))


async def ended(process: Process, stdin: str = "") -> tuple[int | None, dict[str, Any], str]:
    """The exit code, the JSON output, and the text on stderr."""
    result = await finish(process, stdin)
    assert result.out, result.err
    return result.code, json.loads(result.out), result.err


async def said_in_kafka(settings: Settings, *facts: Fact) -> list[Fact]:
    """Everything that the catalogue topics say under the names of these facts."""
    names = [fact.subject for fact in facts]
    found = [await topic_content(settings, topic, names) for topic in CATALOGUE_TOPICS]
    said = [parse_catalogue_message(received) for messages in found for received in messages]
    return [each.fact for each in said if isinstance(each, FactMessage)]


async def test_every_fact_is_published_onto_its_topic(settings: Settings, tmp_path: Path) -> None:
    id, code = unique("o"), unique("SKU")
    facts: list[Fact] = [offer(id, products=[code]), price(id), availability(code)]

    code_of_exit, said, told = await ended(await begin(settings, written(tmp_path, *facts)))

    assert (code_of_exit, said["published"], said["refused"], said["lines"]) == (0, 3, 0, 3)
    assert said["continueFromLine"] is None
    assert await said_in_kafka(settings, *facts) == facts
    assert "Published 3 facts" in told


async def test_nothing_of_a_file_with_bad_lines_is_published(settings: Settings, tmp_path: Path) -> None:
    id = unique("o")
    path = written(tmp_path, price(id), "no fact", offer(id), '{"kind": "offer"}')

    exit_code, said, told = await ended(await begin(settings, path))

    assert (exit_code, said["published"], said["refused"], said["lines"]) == (1, 0, 2, 4)
    assert "line 2: Invalid JSON" in told
    assert "line 4: /id: this member is required" in told
    assert "Nothing was published" in told
    assert await said_in_kafka(settings, offer(id), price(id)) == []


async def test_with_skip_bad_the_good_lines_are_published_and_the_bad_ones_named(
    settings: Settings, tmp_path: Path
) -> None:
    id = unique("o")
    path = written(tmp_path, offer(id), "bad", "bad", price(id), "bad")

    exit_code, said, told = await ended(await begin(settings, path, "--skip-bad"))

    assert (exit_code, said["published"], said["refused"], said["leftOut"]) == (0, 2, 3, "2-3, 5")
    assert "3 lines of 5 refused: 2-3, 5" in told
    assert await said_in_kafka(settings, offer(id), price(id)) == [offer(id), price(id)]


async def test_stdin_is_read_like_a_file(settings: Settings) -> None:
    id = unique("o")
    lines = "\n".join([offer(id).model_dump_json(), price(id).model_dump_json()])

    exit_code, said, _ = await ended(await begin(settings, "-"), lines)

    assert (exit_code, said["published"]) == (0, 2)
    assert await said_in_kafka(settings, offer(id), price(id)) == [offer(id), price(id)]


async def test_an_interrupted_load_says_where_to_continue_and_then_no_fact_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    name = unique("o")
    facts = [price(f"{name}-{number}") for number in range(30_000)]
    path = written(tmp_path, *facts)
    first = facts[0].subject.encode()
    async with followed_topic(settings, PRICES) as read:
        process = await begin(settings, path)

        async def has_begun() -> bool:
            return first in {received.message.key for received in await read()}

        await eventually(has_begun)
        process.send_signal(signal.SIGINT)
    exit_code, said, told = await ended(process)

    assert (exit_code, said["error"]) == (130, "interrupted")
    assert 0 < said["published"] < 30_000
    assert said["continueFromLine"] == said["published"] + 1
    assert f"--from-line {said['continueFromLine']}" in told

    go_on = await begin(settings, path, "--from-line", str(said["continueFromLine"]))
    exit_code, rest, _ = await ended(go_on)

    assert (exit_code, said["published"] + rest["published"]) == (0, 30_000)
    keys = {fact.subject for fact in facts}
    found = {received.message.key for received in await topic_content(settings, PRICES, keys)}
    assert len(found) == 30_000


@pytest.fixture
async def learning(settings: Settings) -> AsyncIterator[PostgresCatalogue]:
    """The catalogue worker at work, and what it learns."""
    assert settings.database_url is not None
    database = DatabasePool(settings.database_url.get_secret_value())
    async with PostgresCatalogue(database, cache_size=1) as facts:
        subscription = ConsumerGroup(settings, unique("catalogue"), *CATALOGUE_TOPICS)
        async with ready_worker(CatalogueWorker(subscription, facts, [RecordedDeadLetters()])):
            yield facts
    await database.close()


async def test_with_wait_all_facts_are_recorded_at_the_end(
    settings: Settings, learning: PostgresCatalogue, tmp_path: Path
) -> None:
    facts = [price(unique("o")) for _ in range(50)]

    exit_code, said, told = await ended(await begin(settings, written(tmp_path, *facts), "--wait"))

    assert (exit_code, said["learned"]) == (0, 50)
    assert await learning.count_recorded([fact.fact_id for fact in facts]) == 50
    assert "learned 50 facts" in told


async def test_a_missing_file_is_a_usage_error(settings: Settings) -> None:
    process = await begin(settings, "/nowhere/catalogue.jsonl")
    _, err = await process.communicate()

    assert process.returncode == 2
    assert "there is no file" in err.decode()
