"""Compares the settings of existing topics and of the brokers with those that this service needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError

from adapters.kafka.clients import MAX_MESSAGE_BYTES
from adapters.kafka.topics import BASKET_EVENTS, FOREVER, TOPICS, Topic, admin_client, topic_settings
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused

MIN_REQUEST_BYTES = 2 * MAX_MESSAGE_BYTES
"""The publisher sends about 8 MiB at once, and then a message that is still allowed."""

_log = structlog.get_logger("adapters.kafka.topic_checks")

Values = Mapping[str, str]
"""Settings of a topic or a broker."""


@dataclass(frozen=True, slots=True)
class SettingDeviation:
    """A setting of a topic or a broker that differs. `why` says what goes wrong; None: nothing, it is only different."""

    kind: str
    """`topic` or `broker`."""
    name: str
    setting: str
    value: str
    wanted: str
    why: str | None = None

    @property
    def sentence(self) -> str:
        differs = f"{self.kind} {self.name}: {self.setting} is {self.value} and should be {self.wanted}"
        return f"{differs}: {self.why}" if self.why else differs


async def find_deviations(settings: Settings, topics: Sequence[Topic] = TOPICS) -> Sequence[SettingDeviation]:
    """What differs, as far as the brokers tell. Logs what goes wrong with it. Raises BrokerUnavailable."""
    try:
        async with admin_client(settings) as client:
            found = [*await _topic_deviations(client, settings, topics), *await _broker_deviations(client)]
    except BrokerRefused as error:
        _log.info("the settings of topics and brokers are not known", why=str(error))
        return ()
    for each in found:
        if each.why:
            _log.warning("a setting of Kafka is wrong; `checkout migrate` says how to mend it", problem=each.sentence)
    return found


def problems_of(deviations: Iterable[SettingDeviation]) -> Sequence[str]:
    """What goes wrong, one sentence each."""
    return [f"{each.sentence} (`checkout migrate` says how to mend it)" for each in deviations if each.why]


def mending_commands(deviations: Iterable[SettingDeviation], servers: str | None) -> Iterator[str]:
    """Kafka's own commands that give the topics the wanted settings. A broker's settings stand in its file."""
    of_topics = sorted((each for each in deviations if each.kind == "topic"), key=lambda each: each.name)
    for name, group in groupby(of_topics, key=lambda each: each.name):
        wanted = ",".join(f"{each.setting}={each.wanted}" for each in group)
        yield (
            f"kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics --entity-name {name}"
            f" --add-config {wanted}"
        )


async def _topic_deviations(
    client: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]
) -> Iterable[SettingDeviation]:
    described = {each["topic"]: each["partitions"] for each in await client.describe_topics([t.name for t in topics])}
    found = await _describe(client, [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics])
    return [
        deviation
        for topic in topics
        if topic.name in found and described.get(topic.name)
        for deviation in _of_topic(topic, found[topic.name], len(described[topic.name][0]["replicas"]))
    ]


def _of_topic(topic: Topic, values: Values, replicas: int) -> Iterator[SettingDeviation]:
    wanted = topic_settings(topic, replicas)
    if topic.settings.get("retention.ms") == FOREVER:
        wanted = {**wanted, "retention.bytes": FOREVER}
    for setting, value in wanted.items():
        actual = values.get(setting)
        if actual is not None and not _fits(setting, actual, value):
            yield SettingDeviation("topic", topic.name, setting, actual, value, _harm(topic, setting, actual))


def _fits(setting: str, actual: str, wanted: str) -> bool:
    """Numbers may be larger; -1 is without end."""
    if not (_is_number(actual) and _is_number(wanted)):
        return set(actual.split(",")) == set(wanted.split(","))
    if setting in ("segment.bytes", "segment.ms"):
        return int(actual) <= int(wanted)
    return actual == FOREVER or (wanted != FOREVER and int(actual) >= int(wanted))


def _harm(topic: Topic, setting: str, actual: str) -> str | None:
    """What goes wrong; None where an operator may well want it so."""
    match setting:
        case "max.message.bytes":
            return "a larger message stops its publisher"
        case "min.insync.replicas":
            return "a message counts as stored although only one broker has it"
        case "cleanup.policy" if topic.settings[setting] == "compact":
            return "messages that are still valid are deleted after a while"
        case "cleanup.policy":
            return "only the newest message of each key is kept"
        case "retention.ms" | "retention.bytes" if topic.name == BASKET_EVENTS:
            return "old events are deleted, and a new reader misses them"
        case _:
            return None


async def _broker_deviations(client: AIOKafkaAdminClient) -> Iterable[SettingDeviation]:
    brokers = [str(each["node_id"]) for each in (await client.describe_cluster())["brokers"]]
    found = await _describe(client, [ConfigResource(ConfigResourceType.BROKER, each) for each in brokers])
    setting = "socket.request.max.bytes"
    return [
        SettingDeviation(
            *("broker", name, setting, values[setting], str(MIN_REQUEST_BYTES)),
            "the broker ends the connection at a larger request, and the publisher does not get on",
        )
        for name, values in found.items()
        if _is_number(values.get(setting)) and int(values[setting]) < MIN_REQUEST_BYTES
    ]


async def _describe(client: AIOKafkaAdminClient, resources: Sequence[ConfigResource]) -> Mapping[str, Values]:
    """The settings of each resource, as far as the brokers tell them."""
    found: dict[str, Values] = {}
    for response in await client.describe_configs(list(resources)):
        for code, _, _, name, entries in response.resources:
            if code == NoError.errno:
                found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and value.removeprefix("-").isdigit()
