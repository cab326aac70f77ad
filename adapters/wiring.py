"""Puts the adapters together: the only module that names concrete ones. What it gives out is known by ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from uuid_utils import uuid7

from adapters.identity.verifier import token_verifier
from adapters.kafka.change_remedy import BasketChangeRemedy
from adapters.kafka.command_stream import CommandStream
from adapters.kafka.commanding import Commands
from adapters.kafka.dead_letters import KafkaDeadLetters
from adapters.kafka.messages import Received
from adapters.kafka.ordering import Orders
from adapters.kafka.positions import read_record
from adapters.kafka.published_topics import basket_events, validation_results
from adapters.kafka.publishing import AtLeastOncePublisher, TransactionalPublisher
from adapters.kafka.remedies import BasketViewRemedy, CatalogueRemedy, VerdictRemedy
from adapters.kafka.replaying import KafkaReplayTopics
from adapters.kafka.subscription import Subscription
from adapters.postgres.basket_finder import PostgresBasketFinder
from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.catalogue_facts import PostgresCatalogueFacts
from adapters.postgres.catalogue_history import PostgresCatalogueHistory
from adapters.postgres.catalogue_readers import PostgresCatalogueReaders
from adapters.postgres.connecting import database_url
from adapters.postgres.data_keys import PostgresDataKeys
from adapters.postgres.database import Database
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.derived_repair import PostgresDerivedRepair
from adapters.postgres.derived_rows import PostgresDerivedRows
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.feed import PostgresEventFeed
from adapters.postgres.forgetting import PostgresForgetting
from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.letter_book import PostgresLetterBook
from adapters.postgres.open_baskets import PostgresOpenBaskets
from adapters.postgres.operator_actions import PostgresOperatorActions
from adapters.postgres.projected_rows import PostgresProjectedRows
from adapters.postgres.publisher_positions import PostgresPublisherPositions
from adapters.postgres.rebuilding.rebuilds import PostgresRebuilds
from adapters.postgres.republications import PostgresRepublications
from adapters.postgres.worker_states import PostgresWorkerStates
from adapters.privacy.master_keys import MasterKeys
from adapters.privacy.messages import opened_messages
from adapters.privacy.personal_data import PersonalData
from adapters.privacy.stores import OpenedEventFeed, SealedBasketViews, SealedEventStore
from adapters.settings import Settings
from domain.basket.answering import Answers
from domain.basket.deciding import Limits
from domain.basket.handlers import CheckoutHandlers, Policy
from domain.basket.projection import BasketProjection
from domain.basket.repository import Baskets
from domain.operating.dead_letters import DeadLetterBox
from domain.operating.following import Following
from domain.operating.forgetting import Forgetting
from domain.operating.going_on import GoingOn
from domain.operating.history import Histories
from domain.operating.repairing import Repairing
from domain.operating.republisher import Republisher
from domain.operating.settling import SettlingDeadLetters
from domain.operating.standing import Expectations, Statuses
from domain.operating.topic_verification import TopicVerification
from domain.operating.verification import Verification
from domain.operating.verifying_catalogue import CatalogueVerification
from domain.ports import DeadLetters, PublishedUpTo, Publisher
from domain.validation.rejudging import Rejudging

_IS_THERE = "SELECT 1 FROM events LIMIT 1"
"""Answers at all only where PostgreSQL is there and migrated."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return str(uuid7())


def expected_workers(settings: Settings) -> list[str]:
    """What must be running somewhere for the service to be whole: the API, and what `checkout work all` runs."""
    revalidator = ["revalidator"] if settings.revalidator else []
    return ["api", "publisher", "projector", "catalogue", "commands", "expiry", *revalidator, "sampler"]


def master_keys(settings: Settings) -> MasterKeys | None:
    """Those of the file that the settings name; raises UnusableMasterKeys."""
    return None if settings.data_key_file is None else MasterKeys.read(settings.data_key_file)


class Parts:
    """Everything that a process of the service is made of. Nothing is connected before it is used, so that
    a process starts, and says what is wrong, also while a server is away."""

    def __init__(self, settings: Settings, *, of_operators: bool = True) -> None:
        """`of_operators`: signed in to the database as operators are, who may do what neither the partner API nor
        workers may. Raises NotConfigured where no database is named."""
        self.settings = settings
        self.database = Database(
            database_url(settings, of_operators=of_operators),
            size=settings.database_pool_size,
            timeout=settings.database_timeout,
        )
        self.stored = PostgresEventStore(
            self.database,
            timeout=settings.database_timeout,
            answers_kept=timedelta(seconds=settings.idempotency_lifetime),
        )
        self.stored_feed = PostgresEventFeed(self.database)
        self.data_keys = PostgresDataKeys(self.database)
        self.privacy = PersonalData(self.data_keys, master_keys(settings), new_id)
        # Everything but these is given open personal data, and has it sealed; `stored` is as it lies there.
        self.store = SealedEventStore(self.stored, self.privacy)
        self.feed = OpenedEventFeed(self.stored_feed, self.privacy)
        self.views = SealedBasketViews(PostgresBasketViews(self.database), self.privacy)
        sealed = settings.kafka_personal_data == "sealed"
        self.published_store = self.stored if sealed else self.store
        self.published_feed = self.stored_feed if sealed else self.feed
        self.facts = PostgresCatalogueFacts(self.database, settings.catalogue_cache_size)
        self.history = PostgresCatalogueHistory(self.database)
        self.catalogue_readers = PostgresCatalogueReaders(self.database)
        self.open_baskets = PostgresOpenBaskets(self.database)
        self.finder = PostgresBasketFinder(self.database)
        self.histories = Histories(self.store)
        self.following = Following(self.store, self.feed)
        self.operator_actions = PostgresOperatorActions(self.database)
        self.instance = new_id()
        self.leadership = PostgresLeadership(self.database, instance=self.instance)
        self.worker_states = PostgresWorkerStates(self.database)
        self.statuses = Statuses(self.worker_states, Expectations(expected_workers(settings)))
        self.forgetting = Forgetting(
            PostgresForgetting(self.database, timedelta(seconds=settings.idempotency_lifetime)),
            utc_now,
            new_id,
        )
        self.rebuilds = PostgresRebuilds(self.database, utc_now, new_id)
        self.parked = PostgresDeadLetters(self.database)
        self.dead_letters: list[DeadLetters] = [self.parked, KafkaDeadLetters(settings, utc_now)]
        self.verifier = token_verifier(settings)
        self.answers = Answers(self.store)
        self.projection = BasketProjection(self.store, self.views)
        self.rejudging = Rejudging(self.store, self.history, utc_now, settings.validation_policy)
        self.derived_rows = PostgresDerivedRows(self.database)
        self.projected_rows = PostgresProjectedRows(self.database)
        self.verification = Verification(self.store, self.views, self.derived_rows, self.parked)
        self.repairing = Repairing(
            self.verification,
            PostgresDerivedRepair(self.database, self.privacy.sealed_views),
            utc_now,
            new_id,
        )
        self.catalogue_verification = CatalogueVerification(self.projected_rows)
        self.handlers = CheckoutHandlers(
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
        self.commands = Commands(settings, self.handlers, self.answers, utc_now, new_id)
        self.orders = Orders(self.handlers, new_id)
        self.letter_book = PostgresLetterBook(self.database)
        self.dead_letter_box: DeadLetterBox = SettlingDeadLetters(
            self.letter_book,
            [
                BasketViewRemedy(self.projection),
                CatalogueRemedy(self.facts),
                BasketChangeRemedy(settings, self.commands, self.orders),
                VerdictRemedy(settings, self.published_store),
            ],
            utc_now,
            new_id,
        )
        self.republisher = Republisher(
            self.published_feed,
            self.published_store,
            PostgresRepublications(self.database),
            KafkaReplayTopics(settings),
            self.publisher,
            utc_now,
            new_id,
        )

    def publisher(self, id: str | None = None) -> Publisher:
        """The way of publishing that the settings want, with its progress under this id (None: theirs)."""
        settings = self.settings.model_copy(update={"publisher_id": id or self.settings.publisher_id})
        if settings.kafka_delivery == "exactly_once":
            return TransactionalPublisher(settings)
        return AtLeastOncePublisher(settings, PostgresPublisherPositions(self.database))

    async def published_up_to(self) -> PublishedUpTo:
        """How far the publisher has come; raises BrokerUnavailable or StoreUnavailable."""
        if self.settings.kafka_delivery == "exactly_once":
            return await read_record(self.settings)
        return await PostgresPublisherPositions(self.database).read(self.settings.publisher_id)

    @property
    def publisher_role(self) -> str:
        """What one publisher at a time holds."""
        return f"publisher/{self.settings.publisher_id}"

    def going_on(self) -> GoingOn:
        """Says where the publisher goes on; the settings must name brokers."""
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
        return TopicVerification(
            self.published_store,
            self.published_feed,
            (basket_events(self.settings), validation_results(self.settings)),
            self.settings.publisher_id,
            self.published_up_to,
            self._last_position,
        )

    async def _last_position(self) -> int:
        return (await self.derived_rows.positions())[0]

    def subscription(self, group: str, *topics: str) -> Subscription:
        return Subscription(self.settings, group, *topics)

    def command_stream(self) -> CommandStream:
        return CommandStream(self.settings)

    async def opened_messages(self, batch: Sequence[Received]) -> Sequence[Received]:
        """Messages with what was published sealed open; raises StoreUnavailable."""
        return await opened_messages(self.privacy, batch)

    async def is_ready(self) -> bool:
        """Whether PostgreSQL is there and has our tables; raises StoreUnavailable where it is away."""
        async with self.database.connection() as connection:
            await connection.execute(_IS_THERE)
        return True


@asynccontextmanager
async def open_parts(settings: Settings, *, of_operators: bool = True) -> AsyncIterator[Parts]:
    """The parts for the block; what they hold is given up at its end."""
    parts = Parts(settings, of_operators=of_operators)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.database.close)
        stack.push_async_callback(parts.letter_book.close)
        stack.push_async_callback(parts.finder.close)
        stack.push_async_callback(parts.stored_feed.close)
        stack.push_async_callback(parts.data_keys.close)
        stack.push_async_callback(parts.stored.close)
        await stack.enter_async_context(parts.facts)
        yield parts
