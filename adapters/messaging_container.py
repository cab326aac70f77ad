"""What a process reads from Kafka and sends to it. Imports wait for the first use: Kafka's library takes longer than a
command that only reads PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from adapters.storage_container import StorageContainer
from adapters.system import utc_now

if TYPE_CHECKING:
    from adapters.kafka.command_stream import CommandStream
    from adapters.kafka.consumer_group import ConsumerGroup
    from adapters.kafka.group_meter import KafkaGroupMeter
    from adapters.kafka.idle_poll import Wakeup
    from adapters.kafka.messages import Received
    from domain.ports.messaging import DeadLetters, Publisher, PublisherCheckpoint


class MessagingContainer(StorageContainer):
    """The adapters on Kafka, each created on first use."""

    @cached_property
    def dead_letter_sinks(self) -> Sequence[DeadLetters]:
        """Where workers send unreadable messages, in this order."""
        from adapters.kafka.dead_letters import KafkaDeadLetters

        return [self.blocked_baskets, KafkaDeadLetters(self.settings, utc_now)]

    @cached_property
    def _published(self) -> Wakeup:
        """Wakes the consumers of this process when its publisher has published."""
        from adapters.kafka.idle_poll import Wakeup

        return Wakeup()

    def publisher(self, id: str | None = None) -> Publisher:
        """A publisher whose checkpoint has this id; None: the settings' id."""
        from adapters.kafka.publisher import AtLeastOncePublisher, TransactionalPublisher

        settings = self.settings.model_copy(update={"publisher_id": id or self.settings.publisher_id})
        if settings.kafka_delivery == "exactly_once":
            return TransactionalPublisher(settings)
        return AtLeastOncePublisher(settings, self.publisher_checkpoints, self._published)

    async def publisher_checkpoint(self) -> PublisherCheckpoint:
        """Raises BrokerUnavailable or StoreUnavailable."""
        from adapters.kafka.publisher_checkpoints import read_own_checkpoint

        if self.settings.kafka_delivery == "exactly_once":
            return await read_own_checkpoint(self.settings)
        return await self.publisher_checkpoints.read(self.settings.publisher_id)

    async def published_position(self) -> int:
        """The position of the last event that was published. Raises BrokerUnavailable or StoreUnavailable."""
        return (await self.publisher_checkpoint()).position

    async def retired_position(self) -> int:
        """Baskets that ended up to this position have their tombstones. Raises as `published_position`."""
        from adapters.kafka.publisher import retired_by
        from adapters.kafka.publisher_checkpoints import read_own_checkpoint

        name = retired_by(self.settings.publisher_id)
        if self.settings.kafka_delivery == "exactly_once":
            return (await read_own_checkpoint(self.settings.model_copy(update={"publisher_id": name}))).position
        return (await self.publisher_checkpoints.read(name)).position

    @property
    def publisher_role(self) -> str:
        """The leadership role that one publisher holds at a time."""
        return f"publisher/{self.settings.publisher_id}"

    async def topics_begin_after(self) -> int:
        """The position after which the topics hold events."""
        if self.settings.kafka_delivery == "exactly_once":
            return 0
        return await self.publisher_checkpoints.begins_after(self.settings.publisher_id)

    async def check_topics(self) -> None:
        """Logs and stores what is wrong with the settings of topics and brokers. Raises BrokerUnavailable and
        StoreUnavailable."""
        from adapters.kafka.topic_checks import find_deviations, problems_of

        await self.worker_status.record_topic_problems(problems_of(await find_deviations(self.settings)))

    def consumer_group(self, group: str, *topics: str) -> ConsumerGroup:
        from adapters.kafka.consumer_group import ConsumerGroup

        return ConsumerGroup(self.settings, group, *topics, wakeup=self._published)

    def group_meter(self) -> KafkaGroupMeter:
        from adapters.kafka.group_meter import KafkaGroupMeter

        return KafkaGroupMeter(self.settings, self.settings.watched_groups)

    def command_stream(self) -> CommandStream:
        from adapters.kafka.command_stream import CommandStream

        return CommandStream(self.settings)

    async def decrypt_messages(self, batch: Sequence[Received]) -> Sequence[Received]:
        """Decrypts the personal data of published messages. Raises StoreUnavailable."""
        from adapters.encryption.stores import decrypt_published

        values = await decrypt_published(self.personal_data, [received.message.value for received in batch])
        return [
            received
            if value is received.message.value
            else replace(received, message=replace(received.message, value=value))
            for received, value in zip(batch, values, strict=True)
        ]
