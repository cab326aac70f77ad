"""What aiokafka raises, or fails to do, in our words: what is away for now, and what nobody gets over by waiting."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from domain.shared.errors import (
    BrokerRefused,
    BrokerUnavailable,
    LeadershipLost,
    Unavailable,
)

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
"""What trying again does not help against, and what would."""


async def with_timeout(role: str, within: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of work with a Kafka client. Raises BrokerUnavailable where Kafka fails, or does not answer within
    so many seconds, BrokerRefused for what it would refuse again, and LeadershipLost where another producer took over.

    The work has a task of its own: while brokers are away, aiokafka may outlast a cancellation, and it may
    end in a CancelledError that nobody asked for, which would end our task without a word.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=within)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_forgotten)
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


def translate_error(error: KafkaError | OSError) -> Unavailable:
    """What Kafka said, as a BrokerRefused where saying it again will not help, else as a BrokerUnavailable."""
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
    """Stops a client, started or not, within a few seconds: on its own it would wait for brokers that
    are away, without end."""
    try:
        await with_timeout("client", CLOSE_TIMEOUT_SECONDS, client.stop())
    except Unavailable:
        if isinstance(client, AIOKafkaProducer):
            await _close_connections(client)


async def _close_connections(client: AIOKafkaProducer) -> None:
    try:
        await with_timeout("client", CLOSE_TIMEOUT_SECONDS, client.client.close())
    except Unavailable:
        return


def _forgotten(task: asyncio.Task[Any]) -> None:
    # What becomes of it is nobody's concern any more, nor a complaint on the log.
    if not task.cancelled():
        task.exception()
