"""Kafka clients as this service wants them, made from its settings and not started."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from adapters.kafka.codecs import bound_decompression, require_codecs
from adapters.kafka.connection_errors import ssl_context
from adapters.service_file import why_no_service
from adapters.settings import InvalidSetting, Settings

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message: the verdict on a basket of 500 lines, each with several findings."""

REQUEST_TIMEOUT_MS = 15_000
TRANSACTION_TIMEOUT_MS = 30_000
METADATA_MAX_AGE_MS = 30_000

bound_decompression()


def consumer(settings: Settings, *topics: str, group: str | None, **more: Any) -> AIOKafkaConsumer:
    """A consumer that sees committed messages only, begins with the oldest, and commits when it is told
    to. `more` goes to aiokafka as it is. Raises BrokerRefused where a codec is missing."""
    require_codecs()
    options: dict[str, Any] = {
        "group_id": group,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": settings.kafka_fetch_max_wait_ms,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        # Two may be lost before the session is.
        "heartbeat_interval_ms": settings.kafka_session_timeout_ms // 3,
        # So that topics and partitions that are made later are seen soon.
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        **connection(settings),
        **more,
    }
    return AIOKafkaConsumer(*topics, **options)


def producer(
    settings: Settings, transactional_id: str | None = None, *, idempotent: bool = True
) -> AIOKafkaProducer:
    """A producer whose messages count as sent once all replicas have them. One that is not idempotent, as all are
    without transactions on the broker's side, may write a message twice where an acknowledgement is lost."""
    exactly_once = settings.kafka_delivery == "exactly_once"
    return AIOKafkaProducer(
        acks="all",
        enable_idempotence=exactly_once and idempotent,
        transactional_id=transactional_id if exactly_once else None,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        max_request_size=MAX_MESSAGE_BYTES,
        max_batch_size=256 * 1024,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        **connection(settings),
    )


def admin(settings: Settings) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(**connection(settings))


def connection(settings: Settings) -> dict[str, Any]:
    """How every client reaches the brokers; raises InvalidSetting where the settings name none, do not go together,
    or name files that cannot be used."""
    if settings.kafka_bootstrap_servers is None:
        raise InvalidSetting(
            f"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker, and {why_no_service(settings.data)}"
        )
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": "partner-checkout",
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
            raise InvalidSetting(
                f"CHECKOUT_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs"
                " CHECKOUT_KAFKA_SASL_USERNAME and CHECKOUT_KAFKA_SASL_PASSWORD"
            )
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options
