"""How clients reach Kafka."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from checkout_client.errors import CheckoutClientError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message of the topics; a basket of 500 lines makes one of some megabytes."""


class InvalidConnection(CheckoutClientError):
    """The settings name no broker, or contradict each other."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """The brokers, and how to sign in there. `options` go to every client of aiokafka as they are."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    transactions: bool = True
    """Whether the broker knows transactions and idempotent producers. The broker of `checkout up` does not."""
    fetch_max_wait_ms: int = 100
    """How long a fetch waits for messages."""
    session_timeout_ms: int = 10_000
    """A member of a group that is silent for this long loses its partitions."""
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """From the variables that `checkout env` prints, named as the service's own settings: docs/settings.md.

        Raises InvalidConnection.
        """
        servers = environment.get("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS")
        if not servers:
            raise InvalidConnection(
                "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS names no broker. Is the service of `checkout up` or `make demo` yours?"
                " Run: eval $(checkout env)"
            )

        def path(name: str) -> Path | None:
            value = environment.get(f"CHECKOUT_KAFKA_{name}")
            return Path(value) if value else None

        def milliseconds(name: str, default: int) -> int:
            variable = f"CHECKOUT_KAFKA_{name}"
            try:
                return int(environment.get(variable) or default)
            except ValueError as error:
                raise InvalidConnection(f"{variable} is no whole number of milliseconds") from error

        return cls(
            servers,
            security_protocol=environment.get("CHECKOUT_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
            ca_file=path("CA_FILE"),
            certificate_file=path("CERTIFICATE_FILE"),
            key_file=path("KEY_FILE"),
            key_password=environment.get("CHECKOUT_KAFKA_KEY_PASSWORD"),
            sasl_mechanism=environment.get("CHECKOUT_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            sasl_username=environment.get("CHECKOUT_KAFKA_SASL_USERNAME"),
            sasl_password=environment.get("CHECKOUT_KAFKA_SASL_PASSWORD"),
            transactions=environment.get("CHECKOUT_KAFKA_DELIVERY", "exactly_once") == "exactly_once",
            fetch_max_wait_ms=milliseconds("FETCH_MAX_WAIT_MS", 100),
            session_timeout_ms=milliseconds("SESSION_TIMEOUT_MS", 10_000),
        )

    def with_options(self, **options: Any) -> Self:
        """The same connection with further options of aiokafka, such as `client_id`."""
        return replace(self, options={**self.options, **options})

    def client_options(self) -> dict[str, Any]:
        """The arguments of every client of aiokafka. Raises InvalidConnection."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": "checkout-client",
            "security_protocol": self.security_protocol,
            # New partitions are seen within this time.
            "metadata_max_age_ms": 30_000,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol.startswith("SASL"):
            if self.sasl_username is None or self.sasl_password is None:
                raise InvalidConnection(f"{self.security_protocol} needs a user and a password")
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return {**options, **self.options}

    def consumer(self, *topics: str, group: str | None, **more: Any) -> AIOKafkaConsumer:
        """A consumer of committed messages that commits only when told to; to be started by the caller."""
        options: dict[str, Any] = {
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": self.fetch_max_wait_ms,
            "session_timeout_ms": self.session_timeout_ms,
            "heartbeat_interval_ms": min(3_000, self.session_timeout_ms // 3),
            **self.client_options(),
            **more,
            # Messages of transactions that were given up never happened.
            "isolation_level": "read_committed",
        }
        return AIOKafkaConsumer(*topics, **options)

    def producer(self) -> AIOKafkaProducer:
        """A producer whose messages count as sent once all replicas have them; to be started by the caller."""
        return AIOKafkaProducer(
            acks="all",
            enable_idempotence=self.transactions,
            max_request_size=MAX_MESSAGE_BYTES,
            **self.client_options(),
        )

    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file, lambda: self.key_password or "")
        return context
