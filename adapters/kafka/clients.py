"""Makes Kafka clients from the settings; `startup` starts them."""

from __future__ import annotations

import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from adapters.kafka.codecs import bound_decompression, require_codecs
from adapters.service_file import why_no_service
from adapters.settings import InvalidSetting, Settings
from adapters.tls import check_ca_file, check_certificate_files

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message is the verdict on a basket of 500 lines, each with several findings."""

MAX_VALUE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""What a message's key and headers leave of it for its value."""

REQUEST_TIMEOUT_MS = 15_000
TRANSACTION_TIMEOUT_MS = 30_000
METADATA_MAX_AGE_MS = 30_000

bound_decompression()


def consumer(settings: Settings, *topics: str, group: str | None, **more: Any) -> AIOKafkaConsumer:
    """A consumer of committed messages, which begins with the oldest and commits only when told to.

    `more` goes to aiokafka. Raises BrokerRefused where a codec is missing.
    """
    require_codecs()
    options: dict[str, Any] = {
        "group_id": group,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": settings.kafka_fetch_max_wait_ms,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        # Two heartbeats may be lost before the session is.
        "heartbeat_interval_ms": settings.kafka_session_timeout_ms // 3,
        # New topics and partitions are seen within this time.
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        **connection(settings),
        **more,
    }
    return AIOKafkaConsumer(*topics, **options)


def producer(settings: Settings, transactional_id: str | None = None, *, idempotent: bool = True) -> AIOKafkaProducer:
    """A producer whose messages count as sent once all replicas have them.

    It is idempotent only with a broker that has transactions. Else a lost acknowledgement may duplicate a message.
    """
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
    """How every client connects. Raises InvalidSetting where the settings name no broker, contradict each other, or
    name files that cannot be used."""
    if settings.kafka_bootstrap_servers is None:
        raise InvalidSetting(f"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker, and {why_no_service(settings.data)}")
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
            raise InvalidSetting(
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
        check_ca_file(authority, "CHECKOUT_KAFKA_CA_FILE")
    if certificate is not None:
        names = "CHECKOUT_KAFKA_CERTIFICATE_FILE, CHECKOUT_KAFKA_KEY_FILE and CHECKOUT_KAFKA_KEY_PASSWORD"
        check_certificate_files(certificate, settings.kafka_key_file, password, names)
    elif settings.kafka_key_file is not None:
        raise InvalidSetting(
            "CHECKOUT_KAFKA_KEY_FILE names a key, and CHECKOUT_KAFKA_CERTIFICATE_FILE no certificate to it"
        )
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate, settings.kafka_key_file, lambda: password)
    return context
