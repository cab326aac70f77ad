"""Starts Kafka clients, and says why that fails and which setting to change."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnknownError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from adapters.kafka.clients import connection, producer
from adapters.kafka.errors import close_client, translate_error, with_timeout
from adapters.settings import Settings
from adapters.tls import TlsFault, tls_fault
from domain.shared.errors import BrokerRefused, BrokerUnavailable, Unavailable

CONNECT_TIMEOUT_SECONDS = 3.0

_GIVES_NO_PRODUCER_ID = (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion)
"""Answers of brokers without transactions. The embedded broker answers UnknownError."""

_SIGN_IN_ERRORS = (SaslAuthenticationFailed, AuthenticationFailedError, UnsupportedSaslMechanismError)
_TLS_FAULTS: Mapping[TlsFault, str] = {
    "untrusted": "the broker's certificate is not trusted: CHECKOUT_KAFKA_CA_FILE has to hold the authority that"
    " issued it",
    "other host": "the broker's certificate is not for this host: CHECKOUT_KAFKA_BOOTSTRAP_SERVERS has to name hosts"
    " that their certificates name",
    "not valid now": "the broker's certificate is not valid now: it needs a new one, or this machine's clock is wrong",
    "certificate wanted": "the broker wants a certificate of ours: CHECKOUT_KAFKA_CERTIFICATE_FILE and"
    " CHECKOUT_KAFKA_KEY_FILE name one",
    "certificate refused": "the broker refuses our certificate: CHECKOUT_KAFKA_CERTIFICATE_FILE has to be issued by an"
    " authority that the broker trusts",
    "no tls": "the broker does not speak TLS there: CHECKOUT_KAFKA_SECURITY_PROTOCOL says that it does",
}
_SPEAKS_TLS = "the broker talks by TLS there: CHECKOUT_KAFKA_SECURITY_PROTOCOL has to be SSL or SASL_SSL, and is {}"
_SASL = "CHECKOUT_KAFKA_SASL_USERNAME, CHECKOUT_KAFKA_SASL_PASSWORD and CHECKOUT_KAFKA_SASL_MECHANISM have to be those"


async def start_client(
    client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient,
    settings: Settings,
    role: str,
    within: float,
) -> None:
    """Starts a client of these settings within so many seconds.

    Raises BrokerUnavailable and BrokerRefused, and LeadershipLost where another producer took over.
    """
    try:
        await with_timeout(role, within, client.start())
    except BrokerUnavailable as error:
        # The client itself does not say why a connection failed.
        if (why := await _why_no_connection(settings)) is None:
            raise
        raise why from error


async def start_producer(
    settings: Settings, role: str, within: float, *, transactional_id: str | None = None
) -> AIOKafkaProducer:
    """Returns a started producer; raises as `start_client` does.

    A broker without transactions refuses a transactional id, unless the settings say that it has none. A producer
    without one does without idempotence there.
    """
    client = producer(settings, transactional_id)
    try:
        return await _started(client, settings, role, within)
    except Unavailable as error:
        if not isinstance(error.__cause__, _GIVES_NO_PRODUCER_ID):
            raise
        if transactional_id is not None:
            raise BrokerRefused(
                f"this broker has no transactions (it answers {error.__cause__!r} when it is asked for a producer id);"
                " set CHECKOUT_KAFKA_DELIVERY=at_least_once"
            ) from error
    return await _started(producer(settings, idempotent=False), settings, role, within)


async def _started(client: AIOKafkaProducer, settings: Settings, role: str, within: float) -> AIOKafkaProducer:
    try:
        await start_client(client, settings, role, within)
    except BaseException:
        await close_client(client)
        raise
    return client


async def _why_no_connection(settings: Settings) -> Unavailable | None:
    """Why none of the servers of the settings can be connected to; None: one can."""
    options = connection(settings)
    servers = collect_hosts(options.pop("bootstrap_servers"))
    options["request_timeout_ms"] = int(CONNECT_TIMEOUT_SECONDS * 1000)
    reason: Unavailable | None = None
    for host, port, _ in servers:
        try:
            connected = await asyncio.wait_for(create_conn(host, port, **options), CONNECT_TIMEOUT_SECONDS)
        except TimeoutError:
            failure: Unavailable = _away(host, port, f"no answer within {CONNECT_TIMEOUT_SECONDS:g} seconds")
        except (KafkaError, OSError) as error:
            failure = await _explain(error, host, port, options)
        else:
            connected.close()
            return None
        # A server that refuses says more than those that are away.
        if reason is None or isinstance(failure, BrokerRefused):
            reason = failure
    return reason


async def _explain(error: KafkaError | OSError, host: str, port: int, options: Mapping[str, Any]) -> Unavailable:
    """Explains the error of a connection that was tried with these options."""
    if isinstance(error, _SIGN_IN_ERRORS):
        return BrokerRefused(f"{host}:{port}: the broker does not let us sign in: {_SASL} of a user there ({error})")
    fault = tls_fault(error)
    if why := _TLS_FAULTS[fault] if fault else await _probe_tls(host, port, options):
        return BrokerRefused(f"{host}:{port}: {why} ({error or type(error).__name__})")
    if isinstance(error, KafkaConnectionError | ConnectionResetError):
        return _away(host, port, "it closes the connection; see CHECKOUT_KAFKA_SECURITY_PROTOCOL")
    translated = translate_error(error)
    return _away(host, port, str(error)) if isinstance(translated, BrokerUnavailable) else translated


async def _probe_tls(host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """Finds out why a broker ends connections: it may speak TLS where we do not, or want a certificate. It tells the
    latter only to a client that listens after the handshake."""
    ours: ssl.SSLContext | None = options.get("ssl_context")
    # Nothing is sent to a server that this context trusts.
    context = ours or ssl._create_unverified_context()  # noqa: S323, SLF001
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                if ours is None:
                    return _SPEAKS_TLS.format(options["security_protocol"])
                await reader.read(1)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        fault = tls_fault(error)
        if ours is None:
            # A broker that wants a certificate ends the handshake, so it speaks TLS.
            return None if fault in (None, "no tls") else _SPEAKS_TLS.format(options["security_protocol"])
        if isinstance(error, ConnectionResetError | ssl.SSLEOFError):
            fault = "no tls"  # it cannot read the beginning of TLS, and ends the connection
        return _TLS_FAULTS[fault] if fault else None
    return None


def _away(host: str, port: int, why: str) -> BrokerUnavailable:
    return BrokerUnavailable(f"{host}:{port}, which CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names: {why}")
