from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from aiokafka.admin import NewTopic
from structlog.testing import capture_logs

from adapters.kafka.topic_checks import SettingDeviation, find_deviations, mending_commands, problems_of
from adapters.kafka.topics import BASKET_EVENTS, TOPICS, Topic, admin_client
from adapters.settings import Settings
from tests.basket_traffic import streaming_settings
from tests.conftest import OwnKafka
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.kafka import KafkaServer
from tests.servers.waiting import eventually


async def made(settings: Settings, wanted: Topic, actual: Mapping[str, str]) -> Sequence[SettingDeviation]:
    """The deviations of a topic that was made with other settings."""
    async with admin_client(settings) as client:
        await client.create_topics([NewTopic(wanted.name, 1, 1, topic_configs=dict(actual))])

        async def known() -> bool:
            (described,) = await client.describe_topics([wanted.name])
            return bool(described["partitions"])

        await eventually(known)
    with capture_logs() as lines:
        found = [each for each in await find_deviations(settings, [wanted]) if each.kind == "topic"]
    assert [each["problem"] for each in lines] == [each.sentence for each in found if each.why]
    return found


def name() -> str:
    return f"checked-{uuid.uuid4().hex}"


async def test_topics_of_this_release_deviate_in_nothing(settings: Settings) -> None:
    assert await find_deviations(settings) == []


async def test_a_small_topic_that_deletes_state_is_wrong_and_the_command_mends_it(
    settings: Settings, transactional_kafka: KafkaServer
) -> None:
    state = Topic(name(), {"cleanup.policy": "compact"})
    found = await made(settings, state, {"cleanup.policy": "compact,delete", "max.message.bytes": "1048576"})
    assert {(each.setting, each.value, each.wanted) for each in found} == {
        ("max.message.bytes", "1048576", "16777216"),
        ("cleanup.policy", "compact,delete", "compact"),
    }
    assert len(problems_of(found)) == 2
    assert all(state.name in each for each in problems_of(found))
    (command,) = mending_commands(found, "broker:9092")
    assert command == (
        f"kafka-configs.sh --bootstrap-server broker:9092 --alter --entity-type topics --entity-name {state.name}"
        " --add-config max.message.bytes=16777216,cleanup.policy=compact"
    )


async def test_a_shorter_retention_differs_and_is_no_problem_and_a_longer_one_does_not_differ(
    settings: Settings, transactional_kafka: KafkaServer
) -> None:
    large = {"max.message.bytes": "33554432"}
    results = Topic(name(), {"cleanup.policy": "delete", "retention.ms": "1000000"})
    (shorter,) = await made(settings, results, {**large, "retention.ms": "1000"})
    assert (shorter.setting, shorter.value, shorter.why) == ("retention.ms", "1000", None)
    assert problems_of([shorter]) == []
    for longer in ("1000001", "-1"):
        kept = Topic(name(), results.settings)
        assert await made(settings, kept, {**large, "retention.ms": longer}) == []


async def test_deleted_events_and_a_broker_that_refuses_large_requests_are_problems(own_kafka: OwnKafka) -> None:
    broker: ApacheKafka = await own_kafka(socket_request_max_bytes=str(16 * 2**20))
    settings = streaming_settings(broker.bootstrap_servers)
    (events,) = [topic for topic in TOPICS if topic.name == BASKET_EVENTS]
    deleting = {"retention.ms": "1000000", "retention.bytes": "1000000", "max.message.bytes": "16777216"}
    async with admin_client(settings) as client:
        await client.create_topics([NewTopic(events.name, 1, 1, topic_configs=deleting)])
    found = await find_deviations(settings)
    assert [(each.name, each.setting, each.wanted) for each in found] == [
        (BASKET_EVENTS, "retention.ms", "-1"),
        (BASKET_EVENTS, "retention.bytes", "-1"),
        ("1", "socket.request.max.bytes", str(32 * 2**20)),
    ]
    assert len(problems_of(found)) == 3
    # A broker's settings stand in its file.
    assert len(list(mending_commands(found, broker.bootstrap_servers))) == 1
