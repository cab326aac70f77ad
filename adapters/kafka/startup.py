"""Starts Kafka clients, and says in words why that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    UnknownError,
    UnsupportedVersionError,
)

from adapters.kafka.clients import connection, producer
from adapters.kafka.connection_errors import describe_refusal
from adapters.kafka.errors import close_client, translate_error, with_timeout
from adapters.settings import Settings
from domain.shared.errors import BrokerRefused, BrokerUnavailable, Unavailable

CONNECT_TIMEOUT_SECONDS = 3.0

_GIVES_NO_PRODUCER_ID = (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion)
"""What brokers without transactions answer; the embedded one says UnknownError."""


async def start_client(
    client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient,
    settings: Settings,
    role: str,
    within: float,
) -> None:
    """Starts a client of these settings. Raises BrokerUnavailable and BrokerRefused, and LeadershipLost where another
    producer took over."""
    try:
        await with_timeout(role, within, client.start())
    except BrokerUnavailable as error:
        # Of a connection that failed the client says no more than that.
        if (why := await _why_no_connection(settings)) is None:
            raise
        raise why from error


async def start_producer(
    settings: Settings, role: str, within: float, *, transactional_id: str | None = None
) -> AIOKafkaProducer:
    """A producer that is started; raises as `start` does.

    With a transactional id it is refused by a broker that has no transactions, unless the settings say so. Without
    one it does without idempotence there.
    """
    client = producer(settings, transactional_id)
    try:
        await start_client(client, settings, role, within)
    except BaseException as error:
        await close_client(client)
        if not isinstance(error.__cause__, _GIVES_NO_PRODUCER_ID):
            raise
        if transactional_id is not None:
            raise BrokerRefused(
                f"this broker has no transactions (it answers {error.__cause__!r} when it is asked for a producer id);"
                " set CHECKOUT_KAFKA_DELIVERY=at_least_once"
            ) from error
    else:
        return client
    client = producer(settings, idempotent=False)
    try:
        await start_client(client, settings, role, within)
    except BaseException:
        await close_client(client)
        raise
    return client


async def _why_no_connection(settings: Settings) -> Unavailable | None:
    """What stands in the way of a connection to each of the servers that the settings name; None: nothing."""
    options = connection(settings)
    servers = collect_hosts(options.pop("bootstrap_servers"))
    options["request_timeout_ms"] = int(CONNECT_TIMEOUT_SECONDS * 1000)
    refusal: Unavailable | None = None
    for host, port, _ in servers:
        try:
            connected = await asyncio.wait_for(create_conn(host, port, **options), CONNECT_TIMEOUT_SECONDS)
        except TimeoutError:
            said: Unavailable = _away(host, port, f"no answer within {CONNECT_TIMEOUT_SECONDS:g} seconds")
        except (KafkaError, OSError) as error:
            said = await _refused(error, host, port, options)
        else:
            connected.close()
            return None
        # One that refuses says more than those that are away.
        if refusal is None or isinstance(said, BrokerRefused):
            refusal = said
    return refusal


async def _refused(
    error: KafkaError | OSError, host: str, port: int, options: Mapping[str, Any]
) -> Unavailable:
    if (why := await describe_refusal(error, host, port, options)) is not None:
        return BrokerRefused(f"{host}:{port}: {why}")
    if isinstance(error, KafkaConnectionError | ConnectionResetError):
        return _away(host, port, "it closes the connection; see CHECKOUT_KAFKA_SECURITY_PROTOCOL")
    said = translate_error(error)
    return _away(host, port, str(error)) if isinstance(said, BrokerUnavailable) else said


def _away(host: str, port: int, why: str) -> BrokerUnavailable:
    return BrokerUnavailable(f"{host}:{port}, which CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names: {why}")
