"""Translates the errors of aiokafka: into BrokerUnavailable, which passes, and BrokerRefused, which does not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from domain.shared.errors import BrokerRefused, BrokerUnavailable, LeadershipLost, Unavailable

T = TypeVar("T")

CLOSE_TIMEOUT_SECONDS = 5.0

_CREDENTIALS = (
    "the brokers do not accept CHECKOUT_KAFKA_SASL_USERNAME with CHECKOUT_KAFKA_SASL_PASSWORD"
    " (CHECKOUT_KAFKA_SASL_MECHANISM says how they are shown)"
)
_MECHANISM = "the brokers do not know CHECKOUT_KAFKA_SASL_MECHANISM; they name those that they know"
_PROTOCOL = "the brokers do not speak CHECKOUT_KAFKA_SECURITY_PROTOCOL on this port"
_TOO_LARGE = "a message is larger than the topic takes: raise its max.message.bytes"
_TOPIC_SETTINGS = "the brokers do not take what a topic is to be made with"

_REFUSALS: Mapping[type[KafkaError], str] = {
    errors.SaslAuthenticationFailed: _CREDENTIALS,
    errors.AuthenticationFailedError: _CREDENTIALS,
    errors.AuthenticationMethodNotSupported: _MECHANISM,
    errors.UnsupportedSaslMechanismError: _MECHANISM,
    errors.IllegalSaslStateError: _PROTOCOL,
    errors.SecurityDisabled: "an operation needs an authorizer, and the brokers have none",
    errors.TopicAuthorizationFailedError: "this user may not read, or not write, a topic: an ACL must allow it",
    errors.GroupAuthorizationFailedError: "this user may not read as this consumer group: an ACL must allow it",
    errors.ClusterAuthorizationFailedError: "this user lacks an ACL on the cluster, such as IDEMPOTENT_WRITE or CREATE",
    errors.TransactionalIdAuthorizationFailed: "this user may not write with this transactional id: an ACL must allow it",
    errors.MessageSizeTooLargeError: _TOO_LARGE,
    errors.RecordListTooLargeError: _TOO_LARGE + ", or its segment.bytes",
    errors.RecordTooLargeError: "a message is larger than the broker gives out in a fetch",
    errors.UnsupportedCodecError: "a message is compressed by a codec that is not known",
    errors.UnsupportedVersionError: "the broker's release does not know a request of ours",
    errors.IncompatibleBrokerVersion: "the broker's release does not know a request of ours",
    errors.InvalidSessionTimeoutError: "the brokers do not take CHECKOUT_KAFKA_SESSION_TIMEOUT_MS: it lies outside"
    " group.min.session.timeout.ms and group.max.session.timeout.ms",
    errors.InvalidTransactionTimeout: "the brokers' transaction.max.timeout.ms is less than 30000",
    errors.InvalidReplicationFactorError: f"{_TOPIC_SETTINGS}: see CHECKOUT_KAFKA_REPLICATION_FACTOR",
    errors.InvalidPartitionsError: f"{_TOPIC_SETTINGS}: see CHECKOUT_KAFKA_PARTITIONS",
    errors.InvalidConfigurationError: _TOPIC_SETTINGS,
    errors.PolicyViolationError: f"{_TOPIC_SETTINGS}: a policy of theirs forbids it",
    errors.InvalidTopicError: "a topic's name cannot be used",
    errors.InconsistentGroupProtocolError: "another kind of client reads as the same consumer group",
    errors.InvalidGroupIdError: "the consumer group's name cannot be used",
    errors.KafkaConfigurationError: "a client's setting cannot be used",
    errors.UnknownTopicOrPartitionError: "a topic is missing, or may not be seen: `checkout migrate` makes those that are",
}
"""Errors that a retry does not help against, and what does."""


async def with_timeout(role: str, within: float, work: Coroutine[Any, Any, T]) -> T:
    """Returns the result of work with a Kafka client.

    Raises BrokerUnavailable where Kafka fails or does not answer within so many seconds, BrokerRefused for what it would
    refuse again, and LeadershipLost where another producer took over. The work has its own task: while brokers are
    away, aiokafka may outlast a cancellation, or end in a CancelledError that would end our task silently.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=within)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(ignore_result)
    if not done:
        raise BrokerUnavailable(f"no answer within {within:g} seconds")
    try:
        return task.result()
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise LeadershipLost(role, "another producer took over") from error
    except (KafkaError, OSError) as error:
        raise translate_error(error) from error
    except asyncio.CancelledError as error:
        raise BrokerUnavailable("the client gave up") from error
    finally:
        del task, done  # an error would stay in a circle with this frame, and keep what is being sent


def translate_error(error: KafkaError | OSError) -> Unavailable:
    """A BrokerRefused where a retry does not help, else a BrokerUnavailable."""
    if isinstance(error, ssl.SSLError):
        return BrokerRefused(
            f"no TLS with the brokers, see CHECKOUT_KAFKA_SECURITY_PROTOCOL and CHECKOUT_KAFKA_CA_FILE: {error}"
        )
    for kind, why in _REFUSALS.items():
        if isinstance(error, kind):
            said = ", ".join(map(str, error.args))
            return BrokerRefused(f"{why} ({kind.__name__}{f': {said}' if said else ''})")
    return BrokerUnavailable(str(error) if isinstance(error, OSError) and str(error) else repr(error))


async def close_client(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stops a client, started or not, within a few seconds. By itself it would wait without end for brokers that are
    away."""
    try:
        await with_timeout("client", CLOSE_TIMEOUT_SECONDS, client.stop())
    except Unavailable:
        if isinstance(client, AIOKafkaProducer):
            with contextlib.suppress(Unavailable):
                await with_timeout("client", CLOSE_TIMEOUT_SECONDS, client.client.close())
    if isinstance(client, AIOKafkaConsumer):
        _release(client)


def _release(client: AIOKafkaConsumer) -> None:
    """A closed consumer would stay in a circle with what it knows of the cluster, until Python searches for circles.
    aiokafka has no public way to end that."""
    coordinator = client._coordinator  # noqa: SLF001
    if coordinator is not None:
        client._client.cluster.remove_listener(coordinator._handle_metadata_update)  # noqa: SLF001


def ignore_result(future: asyncio.Future[Any]) -> None:
    """A callback that keeps asyncio from logging an error that nobody awaits."""
    if not future.cancelled():
        future.exception()
