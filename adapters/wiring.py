"""Puts the adapters together: with `stored_parts`, the only module that names concrete ones. What it gives out is
known by ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.settings import Settings
from adapters.stored_parts import NotConfigured, StoredParts, master_keys, new_id, utc_now

if TYPE_CHECKING:
    from adapters.identity.verifier import TokenVerifier
    from adapters.kafka.command_stream import CommandStream
    from adapters.kafka.commanding import Commands
    from adapters.kafka.idle_poll import Wakeup
    from adapters.kafka.ordering import Orders
    from adapters.kafka.subscription import Subscription
    from domain.basket.answering import Answers
    from domain.basket.handlers import CheckoutHandlers
    from domain.basket.projection import BasketProjection
    from domain.operating.dead_letters import DeadLetterBox
    from domain.operating.following import Following
    from domain.operating.forgetting import Forgetting
    from domain.operating.going_on import GoingOn
    from domain.operating.history import Histories
    from domain.operating.repairing import Repairing
    from domain.operating.republisher import Republisher
    from domain.operating.standing import Expectations, Statuses
    from domain.operating.topic_verification import TopicVerification
    from domain.operating.verification import Verification
    from domain.operating.verifying_catalogue import CatalogueVerification
    from domain.ports import DeadLetters, PublishedUpTo, Publisher
    from domain.validation.rejudging import Rejudging

__all__ = ["NotConfigured", "Parts", "expected_workers", "master_keys", "new_id", "open_parts", "utc_now"]


def expected_workers(settings: Settings) -> list[str]:
    """What must be running somewhere for the service to be whole: the API, and what `checkout work all` runs."""
    revalidator = ["revalidator"] if settings.revalidator else []
    return ["api", "publisher", "projector", "catalogue", "commands", "expiry", *revalidator, "sampler"]


def expectations(settings: Settings) -> Expectations:
    """What must be so for all to be well."""
    from domain.operating.lagging import Limits
    from domain.operating.standing import Expectations

    limits = Limits(
        events=settings.status_behind_events or None,
        seconds=settings.status_behind_seconds or None,
        regular_waits={"expiry": settings.expiry_interval, "revalidator": settings.revalidator_settles},
    )
    return Expectations(
        expected_workers(settings), limits=limits, max_dead_letters=settings.status_dead_letters
    )


class Parts(StoredParts):
    """Everything that a process of the service is made of, each part made when it is first asked for."""

    @cached_property
    def verifier(self) -> TokenVerifier:
        from adapters.identity.verifier import token_verifier

        return token_verifier(self.settings)

    @cached_property
    def answers(self) -> Answers:
        from domain.basket.answering import Answers

        return Answers(self.store)

    @cached_property
    def projection(self) -> BasketProjection:
        from domain.basket.projection import BasketProjection

        return BasketProjection(self.store, self.views)

    @cached_property
    def handlers(self) -> CheckoutHandlers:
        from domain.basket.deciding import Limits
        from domain.basket.handlers import CheckoutHandlers, Policy
        from domain.basket.repository import Baskets

        settings = self.settings
        handlers = CheckoutHandlers(
            self.store,
            Baskets(self.store, settings.basket_cache_lines),
            self.facts,
            utc_now,
            new_id,
            Policy(
                lifetime=timedelta(seconds=settings.basket_lifetime),
                limits=Limits(max_quantity=settings.max_quantity, max_items=settings.max_items),
                validation=settings.validation_policy,
            ),
        )
        self.data_keys.when_destroyed(handlers.drop)
        return handlers

    @cached_property
    def rejudging(self) -> Rejudging:
        from domain.validation.rejudging import Rejudging

        return Rejudging(self.store, self.history, utc_now, self.settings.validation_policy)

    @cached_property
    def commands(self) -> Commands:
        from adapters.kafka.commanding import Commands

        return Commands(self.settings, self.handlers, self.answers, utc_now, new_id)

    @cached_property
    def orders(self) -> Orders:
        from adapters.kafka.ordering import Orders

        return Orders(self.handlers, new_id)

    @cached_property
    def histories(self) -> Histories:
        from domain.operating.history import Histories

        return Histories(self.store)

    @cached_property
    def following(self) -> Following:
        from domain.operating.following import Following

        return Following(self.store, self.feed)

    @cached_property
    def statuses(self) -> Statuses:
        from domain.operating.standing import Statuses

        return Statuses(self.worker_states, expectations(self.settings))

    @cached_property
    def forgetting(self) -> Forgetting:
        from adapters.postgres.forgetting import PostgresForgetting
        from domain.operating.forgetting import Forgetting

        answers_kept = timedelta(seconds=self.settings.idempotency_lifetime)
        return Forgetting(PostgresForgetting(self.database, answers_kept), utc_now, new_id)

    @cached_property
    def dead_letters(self) -> list[DeadLetters]:
        """Where what could not be understood is put."""
        from adapters.kafka.dead_letters import KafkaDeadLetters

        return [self.parked, KafkaDeadLetters(self.settings, utc_now)]

    @cached_property
    def dead_letter_box(self) -> DeadLetterBox:
        """What operators do with dead letters."""
        from adapters.kafka.change_remedy import BasketChangeRemedy
        from adapters.kafka.remedies import BasketViewRemedy, CatalogueRemedy, VerdictRemedy
        from domain.operating.settling import SettlingDeadLetters

        return SettlingDeadLetters(
            self.letter_book,
            [
                BasketViewRemedy(self.projection),
                CatalogueRemedy(self.facts, self.settings.catalogue_ignored_members),
                BasketChangeRemedy(self.settings, self.commands, self.orders),
                VerdictRemedy(self.settings, self.published_store),
            ],
            utc_now,
            new_id,
        )

    @cached_property
    def verification(self) -> Verification:
        from domain.operating.verification import Verification

        return Verification(self.store, self.views, self.derived_rows, self.parked)

    @cached_property
    def catalogue_verification(self) -> CatalogueVerification:
        from domain.operating.verifying_catalogue import CatalogueVerification

        return CatalogueVerification(self.projected_rows)

    @cached_property
    def repairing(self) -> Repairing:
        from adapters.postgres.derived_repair import PostgresDerivedRepair
        from domain.operating.repairing import Repairing

        return Repairing(
            self.verification,
            PostgresDerivedRepair(self.database, self.privacy.sealed_views),
            utc_now,
            new_id,
        )

    @cached_property
    def republisher(self) -> Republisher:
        from adapters.kafka.replaying import KafkaReplayTopics
        from adapters.postgres.republications import PostgresRepublications
        from domain.operating.republisher import Republisher

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
        from adapters.kafka.publishing import AtLeastOncePublisher, TransactionalPublisher

        settings = self.settings.model_copy(update={"publisher_id": id or self.settings.publisher_id})
        if settings.kafka_delivery == "exactly_once":
            return TransactionalPublisher(settings)
        return AtLeastOncePublisher(settings, self.publisher_positions, self._published)

    async def published_up_to(self) -> PublishedUpTo:
        """How far the publisher has come; raises BrokerUnavailable or StoreUnavailable."""
        from adapters.kafka.positions import read_record

        if self.settings.kafka_delivery == "exactly_once":
            return await read_record(self.settings)
        return await self.publisher_positions.read(self.settings.publisher_id)

    @property
    def publisher_role(self) -> str:
        """What one publisher at a time holds."""
        return f"publisher/{self.settings.publisher_id}"

    def going_on(self) -> GoingOn:
        """Says where the publisher goes on; the settings must name brokers."""
        from domain.operating.going_on import GoingOn

        return GoingOn(
            self.feed,
            self.publisher(),
            self.settings.publisher_id,
            self.publisher_role,
            self.leadership,
            self.operator_actions,
            utc_now,
            new_id,
        )

    def topic_verification(self) -> TopicVerification:
        """Compares what is in Kafka with the store; the settings must name brokers."""
        from adapters.kafka.published_topics import basket_events, validation_results
        from domain.operating.topic_verification import TopicVerification

        return TopicVerification(
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

    def subscription(self, group: str, *topics: str) -> Subscription:
        from adapters.kafka.subscription import Subscription

        return Subscription(self.settings, group, *topics, wakeup=self._published)

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
async def open_parts(
    settings: Settings, *, serving: bool = False, of_operators: bool = True
) -> AsyncIterator[Parts]:
    """The parts for the block; what they hold is given up at its end. `serving`: for a process that stays, which
    makes them all at its start and keeps the catalogue in memory."""
    parts = Parts(settings, of_operators=of_operators)
    try:
        if serving:
            parts.make_all()
            await parts.facts.start()
        yield parts
    finally:
        await parts.close()
