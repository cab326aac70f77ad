"""Puts the adapters together: with `stored_parts`, the only module that names concrete ones. What it gives out is
known by ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.settings import Settings
from adapters.storage_container import (
    MissingSetting,
    StorageContainer,
    new_id,
    read_master_keys,
    utc_now,
)

if TYPE_CHECKING:
    from adapters.auth.tokens import TokenVerifier
    from adapters.kafka.command_executor import KafkaCommandExecutor
    from adapters.kafka.command_stream import CommandStream
    from adapters.kafka.consumer_group import ConsumerGroup
    from adapters.kafka.idle_poll import Wakeup
    from adapters.kafka.order_placed import OrderPlacedHandler
    from domain.basket.projection import BasketProjection
    from domain.operators.checkpoint_reset import CheckpointReset
    from domain.operators.dead_letters.service import DeadLetterService
    from domain.operators.erasure import ErasureService
    from domain.operators.history.as_of import BasketHistory
    from domain.operators.history.tail import HistoryTail
    from domain.operators.republish.republisher import Republisher
    from domain.operators.status.service_status import HealthPolicy, StatusService
    from domain.operators.verify.catalogue_checks import CatalogueVerifier
    from domain.operators.verify.repair import ViewRepairer
    from domain.operators.verify.topic_verifier import TopicVerifier
    from domain.operators.verify.view_verifier import ViewVerifier
    from domain.ports.messaging import DeadLetters, Publisher, PublisherCheckpoint
    from domain.validation.handlers import CheckoutHandlers
    from domain.validation.revalidate_as_of import AsOfValidator

__all__ = [
    "Container",
    "MissingSetting",
    "expected_workers",
    "new_id",
    "open_container",
    "read_master_keys",
    "utc_now",
]


def expected_workers(settings: Settings) -> list[str]:
    """What must be running somewhere for the service to be whole: the API, and what `checkout work all` runs."""
    revalidator = ["revalidator"] if settings.revalidator else []
    return ["api", "publisher", "projector", "catalogue", "commands", "expiry", *revalidator, "sampler"]


def health_policy(settings: Settings) -> HealthPolicy:
    """What must be so for all to be well."""
    from domain.operators.status.lag import LagLimits
    from domain.operators.status.service_status import HealthPolicy

    limits = LagLimits(
        events=settings.status_behind_events or None,
        seconds=settings.status_behind_seconds or None,
        regular_waits={"expiry": settings.expiry_interval, "revalidator": settings.revalidator_settles},
    )
    return HealthPolicy(
        expected_workers(settings), limits=limits, max_dead_letters=settings.status_dead_letters
    )


class Container(StorageContainer):
    """Everything that a process of the service is made of, each part made when it is first asked for."""

    @cached_property
    def verifier(self) -> TokenVerifier:
        from adapters.auth.tokens import token_verifier

        return token_verifier(self.settings)

    @cached_property
    def projection(self) -> BasketProjection:
        from domain.basket.projection import BasketProjection

        return BasketProjection(self.store, self.views)

    @cached_property
    def handlers(self) -> CheckoutHandlers:
        from domain.basket.decision import BasketLimits, CheckoutConfig
        from domain.basket.repository import BasketRepository
        from domain.validation.handlers import CheckoutHandlers

        settings = self.settings
        handlers = CheckoutHandlers(
            self.store,
            BasketRepository(self.store, settings.basket_cache_lines),
            self.facts,
            utc_now,
            new_id,
            CheckoutConfig(
                lifetime=timedelta(seconds=settings.basket_lifetime),
                limits=BasketLimits(max_quantity=settings.max_quantity, max_items=settings.max_items),
                validation=settings.validation_policy,
            ),
        )
        self.data_keys.on_destroyed(handlers.drop)
        return handlers

    @cached_property
    def rejudging(self) -> AsOfValidator:
        from domain.validation.revalidate_as_of import AsOfValidator

        return AsOfValidator(self.store, self.history, utc_now, self.settings.validation_policy)

    @cached_property
    def commands(self) -> KafkaCommandExecutor:
        from adapters.kafka.command_executor import KafkaCommandExecutor

        return KafkaCommandExecutor(self.settings, self.handlers, utc_now, new_id)

    @cached_property
    def orders(self) -> OrderPlacedHandler:
        from adapters.kafka.order_placed import OrderPlacedHandler

        return OrderPlacedHandler(self.handlers, new_id)

    @cached_property
    def histories(self) -> BasketHistory:
        from domain.operators.history.as_of import BasketHistory

        return BasketHistory(self.store)

    @cached_property
    def following(self) -> HistoryTail:
        from domain.operators.history.tail import HistoryTail

        return HistoryTail(self.store, self.feed)

    @cached_property
    def statuses(self) -> StatusService:
        from domain.operators.status.service_status import StatusService

        return StatusService(self.worker_states, health_policy(self.settings))

    @cached_property
    def forgetting(self) -> ErasureService:
        from adapters.encryption.envelope import key_id_of
        from adapters.postgres.erasure import PostgresErasureStore
        from domain.operators.erasure import ErasureService

        lifetime = timedelta(seconds=self.settings.idempotency_lifetime)
        store = PostgresErasureStore(self.database, lifetime, key_id_of)
        return ErasureService(store, utc_now, new_id)

    @cached_property
    def dead_letters(self) -> list[DeadLetters]:
        """Where what could not be understood is put."""
        from adapters.kafka.dead_letters import KafkaDeadLetters

        return [self.parked, KafkaDeadLetters(self.settings, utc_now)]

    @cached_property
    def dead_letter_service(self) -> DeadLetterService:
        """What operators do with dead letters."""
        from adapters.kafka.dead_letter_retries import (
            BasketViewRetryHandler,
            CatalogueRetryHandler,
            CommandRetryHandler,
            VerdictRetryHandler,
        )
        from domain.operators.dead_letters.service import DeadLetterService

        return DeadLetterService(
            self.letter_book,
            [
                BasketViewRetryHandler(self.projection),
                CatalogueRetryHandler(self.facts, self.settings.catalogue_ignored_members),
                CommandRetryHandler(self.settings, self.commands, self.orders),
                VerdictRetryHandler(self.settings, self.published_store),
            ],
            utc_now,
            new_id,
        )

    @cached_property
    def verification(self) -> ViewVerifier:
        from domain.operators.verify.view_verifier import ViewVerifier

        return ViewVerifier(self.store, self.views, self.derived_rows, self.parked)

    @cached_property
    def catalogue_verification(self) -> CatalogueVerifier:
        from domain.operators.verify.catalogue_checks import CatalogueVerifier

        return CatalogueVerifier(self.projected_rows)

    @cached_property
    def repairing(self) -> ViewRepairer:
        from adapters.postgres.rebuild.read_model_repair import PostgresReadModelRepair
        from domain.operators.verify.repair import ViewRepairer

        return ViewRepairer(
            self.verification,
            PostgresReadModelRepair(self.database, self.privacy.encrypt_views),
            utc_now,
            new_id,
        )

    @cached_property
    def republisher(self) -> Republisher:
        from adapters.kafka.replay import KafkaReplayTopics
        from adapters.postgres.republications import PostgresRepublications
        from domain.operators.republish.republisher import Republisher

        return Republisher(
            self.published_feed,
            self.published_store,
            PostgresRepublications(self.database),
            KafkaReplayTopics(self.settings),
            self.publisher,
            utc_now,
            new_id,
        )

    @cached_property
    def _published(self) -> Wakeup:
        """Wakes those of this process who read what it publishes."""
        from adapters.kafka.idle_poll import Wakeup

        return Wakeup()

    def publisher(self, id: str | None = None) -> Publisher:
        """The way of publishing that the settings want, with its progress under this id (None: theirs)."""
        from adapters.kafka.publisher import AtLeastOncePublisher, TransactionalPublisher

        settings = self.settings.model_copy(update={"publisher_id": id or self.settings.publisher_id})
        if settings.kafka_delivery == "exactly_once":
            return TransactionalPublisher(settings)
        return AtLeastOncePublisher(settings, self.publisher_positions, self._published)

    async def published_up_to(self) -> PublisherCheckpoint:
        """How far the publisher has come; raises BrokerUnavailable or StoreUnavailable."""
        from adapters.kafka.publisher_checkpoints import read_own_checkpoint

        if self.settings.kafka_delivery == "exactly_once":
            return await read_own_checkpoint(self.settings)
        return await self.publisher_positions.read(self.settings.publisher_id)

    @property
    def publisher_role(self) -> str:
        """What one publisher at a time holds."""
        return f"publisher/{self.settings.publisher_id}"

    def going_on(self) -> CheckpointReset:
        """Says where the publisher goes on; the settings must name brokers."""
        from domain.operators.checkpoint_reset import CheckpointReset

        return CheckpointReset(
            self.feed,
            self.publisher(),
            self.settings.publisher_id,
            self.publisher_role,
            self.leadership,
            self.operator_actions,
            utc_now,
            new_id,
        )

    def topic_verification(self) -> TopicVerifier:
        """Compares what is in Kafka with the store; the settings must name brokers."""
        from adapters.kafka.published_topics import basket_events, validation_results
        from domain.operators.verify.topic_verifier import TopicVerifier

        return TopicVerifier(
            self.published_store,
            self.published_feed,
            (basket_events(self.settings), validation_results(self.settings)),
            self.settings.publisher_id,
            self.published_up_to,
            self._last_position,
            self._topics_begin_after,
        )

    async def _topics_begin_after(self) -> int:
        if self.settings.kafka_delivery == "exactly_once":
            return 0
        return await self.publisher_positions.begins_after(self.settings.publisher_id)

    async def _last_position(self) -> int:
        return (await self.derived_rows.positions())[0]

    def subscription(self, group: str, *topics: str) -> ConsumerGroup:
        from adapters.kafka.consumer_group import ConsumerGroup

        return ConsumerGroup(self.settings, group, *topics, wakeup=self._published)

    def command_stream(self) -> CommandStream:
        from adapters.kafka.command_stream import CommandStream

        return CommandStream(self.settings)

    def make_all(self) -> None:
        """Makes every part now, so that no request waits for an import. Raises what the making of one raises."""
        for each in type(self).__mro__:
            for name, member in vars(each).items():
                if isinstance(member, cached_property):
                    getattr(self, name)


@asynccontextmanager
async def open_container(
    settings: Settings, *, serving: bool = False, of_operators: bool = True
) -> AsyncIterator[Container]:
    """The parts for the block; what they hold is given up at its end. `serving`: for a process that stays, which
    makes them all at its start and keeps the catalogue in memory."""
    parts = Container(settings, of_operators=of_operators)
    try:
        if serving:
            parts.make_all()
            await parts.facts.start()
        yield parts
    finally:
        await parts.close()
