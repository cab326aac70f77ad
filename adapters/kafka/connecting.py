"""How brokers are reached; and why they could not be, in words that help."""

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
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from adapters.settings import NotConfigured, Settings
from adapters.tls import TlsFault, look_at_ca, look_at_certificate, tls_fault

REQUEST_TIMEOUT_MS = 15_000
LOOK_MS = 3_000
"""So long we look at most for what is wrong with a connection."""

_FAULTS: Mapping[TlsFault, str] = {
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
_TALKS_TLS = (
    "the broker talks by TLS there: CHECKOUT_KAFKA_SECURITY_PROTOCOL has to be SSL or SASL_SSL, and is {}"
)
_SASL = "CHECKOUT_KAFKA_SASL_USERNAME, CHECKOUT_KAFKA_SASL_PASSWORD and CHECKOUT_KAFKA_SASL_MECHANISM have to be those"


class BrokersUnreachable(KafkaConnectionError):  # type: ignore[misc]
    """No broker could be talked to; the message says why, and which setting mends it."""

    def __str__(self) -> str:
        return str(self.args[0])

    __repr__ = __str__


def connection(settings: Settings) -> dict[str, Any]:
    """How every client reaches the brokers. Raises ValueError where the settings name none, and NotConfigured where
    they do not go together or name files that cannot be used."""
    if settings.kafka_bootstrap_servers is None:
        raise ValueError("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS is not set")
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": "partner-checkout",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
            raise NotConfigured(
                f"CHECKOUT_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs"
                " CHECKOUT_KAFKA_SASL_USERNAME and CHECKOUT_KAFKA_SASL_PASSWORD"
            )
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    authority, certificate = settings.kafka_ca_file, settings.kafka_certificate_file
    password = settings.kafka_key_password.get_secret_value() if settings.kafka_key_password else ""
    if authority is not None:
        look_at_ca(authority, "CHECKOUT_KAFKA_CA_FILE")
    if certificate is not None:
        names = "CHECKOUT_KAFKA_CERTIFICATE_FILE, CHECKOUT_KAFKA_KEY_FILE and CHECKOUT_KAFKA_KEY_PASSWORD"
        look_at_certificate(certificate, settings.kafka_key_file, password, names)
    elif settings.kafka_key_file is not None:
        raise NotConfigured(
            "CHECKOUT_KAFKA_KEY_FILE names a key, and CHECKOUT_KAFKA_CERTIFICATE_FILE no certificate to it"
        )
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate, settings.kafka_key_file, lambda: password)
    return context


class _SaysWhy:
    """A client that says why, where it cannot be started."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._reached_by = options

    async def start(self) -> None:
        try:
            await super().start()  # type: ignore[misc]
        except KafkaError as error:
            raise await explained(error, self._reached_by) from error


class Consumer(_SaysWhy, AIOKafkaConsumer):  # type: ignore[misc]
    """aiokafka's, which says why."""


class Producer(_SaysWhy, AIOKafkaProducer):  # type: ignore[misc]
    """aiokafka's, which says why."""


class Admin(_SaysWhy, AIOKafkaAdminClient):  # type: ignore[misc]
    """aiokafka's, which says why."""


async def explained(error: KafkaError, options: Mapping[str, Any]) -> KafkaError:
    """The error itself; or, where no broker could be reached, one that says why: the client only logs it."""
    if not isinstance(error, KafkaConnectionError):
        return error
    servers: str = options["bootstrap_servers"]
    why = ""
    for host, port, _ in collect_hosts(servers, randomize=False):
        why = await _why_not(host, port, options)
        if why:
            break
    return BrokersUnreachable(f"no broker of {servers} can be talked to" + (f": {why}" if why else ""))


async def _why_not(host: str, port: int, options: Mapping[str, Any]) -> str:
    """What stands in the way of a connection to one broker."""
    names = ("client_id", "security_protocol", "ssl_context")
    sasl = ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    given = {name: options[name] for name in (*names, *sasl) if name in options}
    try:
        (await create_conn(host, port, request_timeout_ms=LOOK_MS, **given)).close()
    except (SaslAuthenticationFailed, AuthenticationFailedError, UnsupportedSaslMechanismError) as error:
        return f"the broker does not let us sign in: {_SASL} of a user there ({error})"
    except (OSError, KafkaError, TimeoutError) as error:
        fault = tls_fault(error)
        why = _FAULTS[fault] if fault else await _asked_by_tls(host, port, options)
        said = str(error) or type(error).__name__
        return f"{why} ({said})" if why else said
    return ""


async def _asked_by_tls(host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """What is wrong with a broker that ends a connection: it may talk by TLS where we do not, or want a certificate,
    and tells that only to one who listens after the handshake."""
    mine: ssl.SSLContext | None = options.get("ssl_context")
    # Nothing is sent to whom this trusts.
    context = mine or ssl._create_unverified_context()  # noqa: S323, SLF001
    try:
        async with asyncio.timeout(LOOK_MS / 1000):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                if mine is None:
                    return _TALKS_TLS.format(options["security_protocol"])
                await reader.read(1)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        fault = tls_fault(error)
        if mine is None:
            # One that wants a certificate ends our handshake; that it has one to end says that it talks by TLS.
            return None if fault in (None, "no tls") else _TALKS_TLS.format(options["security_protocol"])
        if isinstance(error, ConnectionResetError | ssl.SSLEOFError):
            fault = "no tls"  # it cannot read how TLS begins, and ends the connection
        return _FAULTS[fault] if fault else None
    return None
