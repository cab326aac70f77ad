"""Puts the adapters and the domain together, with one factory for each use: partner API, workers and operators. With
`storage_container` and `messaging_container` it is the only module that chooses adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from adapters.messaging_container import MessagingContainer
from adapters.settings import Settings
from adapters.system import new_id, utc_now

# Everything is imported when it is created: importing it all would double the time of a command that only reads.
if TYPE_CHECKING:
    from adapters.auth.tokens import TokenVerifier
    from adapters.kafka.command_executor import KafkaCommandExecutor
    from adapters.kafka.order_handler import OrderHandler
    from adapters.promises.key_file import PromiseKeyFile
    from domain.basket.decision import BasketLimits
    from domain.basket.lister import BasketLister
    from domain.basket.projection import BasketProjection
    from domain.operators.archive.archiver import Archiver
    from domain.operators.archive.retrieval import Archive
    from domain.operators.checkpoint_reset import CheckpointReset
    from domain.operators.dead_letters.retry_handler import RetryHandler
    from domain.operators.dead_letters.service import DeadLetterService
    from domain.operators.erasure import ErasureService
    from domain.operators.history.as_of import BasketHistory
    from domain.operators.history.tail import HistoryTail
    from domain.operators.republish.republisher import Republisher
    from domain.operators.status.service_status import StatusService
    from domain.operators.verify.catalogue_checks import CatalogueVerifier
    from domain.operators.verify.repair import ViewRepairer
    from domain.operators.verify.topic_verifier import TopicVerifier
    from domain.operators.verify.view_verifier import ViewVerifier
    from domain.ports.promises import PromiseSigner, PromiseVerifier
    from domain.validation.handlers import CheckoutHandlers
    from domain.validation.promise_check import PromiseChecker
    from domain.validation.revalidate_as_of import AsOfValidator


class Container(MessagingContainer):
    """Everything that a process uses, each created on first use."""

    @cached_property
    def token_verifier(self) -> TokenVerifier:
        from adapters.auth.tokens import token_verifier

        return token_verifier(self.settings)

    @cached_property
    def promise_keys(self) -> PromiseKeyFile | None:
        """Raises UnusablePromiseKeys."""
        from adapters.promises.key_file import PromiseKeyFile

        path = self.settings.promise_key_file
        return None if path is None else PromiseKeyFile(path)

    @cached_property
    def promise_signer(self) -> PromiseSigner | None:
        from adapters.promises.jws import JwsPromiseSigner

        keys = self.promise_keys
        return None if keys is None else JwsPromiseSigner(keys.signing_at, self.settings.promise_issuer)

    @cached_property
    def promise_verifier(self) -> PromiseVerifier:
        """Without a file of keys it refuses every token."""
        from adapters.promises.jws import JwsPromiseVerifier, no_key

        keys = self.promise_keys
        return JwsPromiseVerifier(keys.public_key if keys else no_key, self.settings.promise_issuer, utc_now)

    @cached_property
    def promise_checker(self) -> PromiseChecker:
        from domain.validation.promise_check import PromiseChecker

        return PromiseChecker(self.event_store, self.as_of_validator)

    def public_jwks(self) -> bytes:
        """The public keys of promises, as a JWK set; an empty one without a file of keys."""
        from adapters.promises.keys import public_jwks

        return public_jwks(tuple(self.promise_keys.keys.published_at(utc_now())) if self.promise_keys else ())

    def warn_without_promises(self) -> None:
        """Logs a warning if no key signs promises now."""
        from adapters.promises.key_file import warn_without_signing_key

        warn_without_signing_key(self.promise_keys, utc_now())

    @cached_property
    def projection(self) -> BasketProjection:
        from domain.basket.projection import BasketProjection

        return BasketProjection(self.event_store, self.basket_views)

    @property
    def basket_limits(self) -> BasketLimits:
        from domain.basket.decision import BasketLimits

        settings = self.settings
        return BasketLimits(settings.max_quantity, settings.max_items, settings.max_actions)

    @cached_property
    def handlers(self) -> CheckoutHandlers:
        from domain.basket.decision import CheckoutConfig
        from domain.basket.repository import BasketRepository
        from domain.validation.handlers import CheckoutHandlers

        settings = self.settings
        handlers = CheckoutHandlers(
            self.event_store,
            BasketRepository(self.event_store, settings.basket_cache_lines),
            self.catalogue,
            utc_now,
            new_id,
            CheckoutConfig(
                lifetime=timedelta(seconds=settings.basket_lifetime),
                expiry_from=settings.expiry_from,
                limits=self.basket_limits,
                validation=settings.validation_policy,
                promise_lifetime=timedelta(seconds=settings.promise_seconds),
            ),
            self.promise_signer,
        )
        self.data_keys.on_destroyed(handlers.drop)
        return handlers

    @cached_property
    def basket_lister(self) -> BasketLister:
        from domain.basket.lister import BasketLister
        from domain.basket.repository import BasketRepository

        # Summaries hold no personal data, so nothing is decrypted. Encrypted baskets must not be cached.
        baskets = BasketRepository(self.raw_event_store, cache_lines=0)
        abandoned_after = timedelta(seconds=self.settings.abandoned_after_seconds)
        return BasketLister(self.basket_list, baskets, utc_now, abandoned_after)

    @cached_property
    def as_of_validator(self) -> AsOfValidator:
        from domain.validation.revalidate_as_of import AsOfValidator

        policy = self.settings.validation_policy
        return AsOfValidator(self.event_store, self.catalogue_history, utc_now, policy, self.basket_limits)

    @cached_property
    def command_executor(self) -> KafkaCommandExecutor:
        from adapters.kafka.command_executor import KafkaCommandExecutor

        return KafkaCommandExecutor(self.settings, self.handlers, utc_now, new_id)

    @cached_property
    def order_handler(self) -> OrderHandler:
        from adapters.kafka.order_handler import OrderHandler

        return OrderHandler(self.handlers, self.promise_verifier, self.archive.restore, new_id)

    @cached_property
    def basket_history(self) -> BasketHistory:
        from domain.operators.history.as_of import BasketHistory

        return BasketHistory(self.event_store)

    @cached_property
    def history_tail(self) -> HistoryTail:
        from domain.operators.history.tail import HistoryTail

        return HistoryTail(self.event_store, self.event_feed)

    @cached_property
    def service_status(self) -> StatusService:
        from adapters.health_policy import health_policy
        from domain.operators.status.service_status import StatusService

        return StatusService(self.worker_status, health_policy(self.settings))

    @cached_property
    def erasure(self) -> ErasureService:
        from adapters.encryption.envelope import key_id_of
        from adapters.postgres.erasure import PostgresErasureStore
        from domain.operators.erasure import ErasureService

        lifetime = timedelta(seconds=self.settings.idempotency_lifetime)
        store = PostgresErasureStore(self.database, lifetime, key_id_of)
        return ErasureService(store, self.archive.restore, utc_now, new_id)

    @cached_property
    def archive(self) -> Archive:
        from adapters.encryption.stores import decrypt_events
        from domain.operators.archive.retrieval import Archive

        return Archive(
            self.archive_index,
            self.archive_files,
            partial(decrypt_events, self.personal_data),
            self.projection.refold,
        )

    def archiver(self, after: timedelta) -> Archiver:
        """Archives baskets to which nothing has happened for this long."""
        from adapters.encryption.envelope import may_hold_unsealed_data
        from domain.operators.archive.archiver import Archiver

        return Archiver(
            self.archive_index,
            self.archive_files,
            self.published_position,
            self.retired_position,
            may_hold_unsealed_data,
            utc_now,
            new_id,
            after,
        )

    @cached_property
    def dead_letter_service(self) -> DeadLetterService:
        from adapters.kafka import dead_letter_retries
        from domain.operators.dead_letters.service import DeadLetterService

        retry_handlers: Sequence[RetryHandler] = [
            dead_letter_retries.BasketViewRetryHandler(self.projection),
            dead_letter_retries.CatalogueRetryHandler(self.catalogue, self.settings.catalogue_ignored_members),
            dead_letter_retries.CommandRetryHandler(self.settings, self.command_executor, self.order_handler),
            dead_letter_retries.VerdictRetryHandler(self.settings, self.published_event_store),
        ]
        return DeadLetterService(self.dead_letter_store, retry_handlers, utc_now, new_id)

    @cached_property
    def view_verifier(self) -> ViewVerifier:
        from domain.operators.verify.view_verifier import ViewVerifier

        return ViewVerifier(self.event_store, self.basket_views, self.read_model_audit, self.blocked_baskets)

    @cached_property
    def catalogue_verifier(self) -> CatalogueVerifier:
        from domain.operators.verify.catalogue_checks import CatalogueVerifier

        return CatalogueVerifier(self.projection_audit)

    @cached_property
    def view_repairer(self) -> ViewRepairer:
        from adapters.postgres.rebuild.read_model_repair import PostgresReadModelRepair
        from domain.operators.verify.repair import ViewRepairer

        repair = PostgresReadModelRepair(self.database, self.personal_data.encrypt_views)
        return ViewRepairer(self.view_verifier, repair, utc_now, new_id)

    @cached_property
    def republisher(self) -> Republisher:
        from adapters.kafka.replay import KafkaReplayTopics
        from adapters.postgres.republications import PostgresRepublications
        from domain.operators.republish.republisher import Republisher

        return Republisher(
            self.published_event_feed,
            self.published_event_store,
            PostgresRepublications(self.database),
            KafkaReplayTopics(self.settings),
            self.publisher,
            self.published_position,
            utc_now,
            new_id,
            state_retention=timedelta(seconds=self.settings.state_retention),
        )

    def checkpoint_reset(self) -> CheckpointReset:
        """The settings must name brokers."""
        from domain.operators.checkpoint_reset import CheckpointReset

        return CheckpointReset(
            self.event_feed,
            self.publisher(),
            self.settings.publisher_id,
            self.publisher_role,
            self.leadership,
            self.audit_log,
            utc_now,
            new_id,
        )

    def topic_verifier(self) -> TopicVerifier:
        """The settings must name brokers."""
        from adapters.kafka.published_topics import StateTopicReader, basket_events, validation_results
        from domain.operators.verify.state_verifier import StateVerifier
        from domain.operators.verify.topic_verifier import TopicVerifier

        return TopicVerifier(
            self.published_event_store,
            self.published_event_feed,
            (basket_events(self.settings), validation_results(self.settings)),
            self.settings.publisher_id,
            self.publisher_checkpoint,
            self.topics_begin_after,
            StateVerifier(
                self.published_event_store,
                StateTopicReader(self.settings),
                self.retired_position,
                utc_now,
                timedelta(seconds=self.settings.state_retention),
            ),
            self.archive_index.find,
        )

    async def start(self) -> None:
        """Creates everything now, so that no request waits for an import, and starts to cache the catalogue."""
        for each in type(self).__mro__:
            for name, member in vars(each).items():
                if isinstance(member, cached_property):
                    getattr(self, name)
        await self.catalogue.start()


@asynccontextmanager
async def _open(settings: Settings, *, operator: bool, serving: bool) -> AsyncIterator[Container]:
    """`serving` is for a process that stays."""
    container = Container(settings, operator=operator)
    try:
        if serving:
            await container.start()
        yield container
    finally:
        await container.close()


def open_partner_container(settings: Settings) -> AbstractAsyncContextManager[Container]:
    """For the partner API."""
    return _open(settings, operator=False, serving=True)


def open_worker_container(settings: Settings) -> AbstractAsyncContextManager[Container]:
    """For workers."""
    return _open(settings, operator=False, serving=True)


def open_operator_container(settings: Settings, *, serving: bool = False) -> AbstractAsyncContextManager[Container]:
    """For operators' commands and, `serving`, for the operator API and the console. It signs in to the database as the
    operators' role, where the settings name one."""
    return _open(settings, operator=True, serving=serving)
