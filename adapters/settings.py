"""All settings. Each is an environment variable `CHECKOUT_<NAME>`; a `.env` file is read too."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_state_path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.catalogue.policies import PolicyTerms
from domain.operators.status.lag_model import WatchedGroup
from domain.shared.errors import CheckoutError

LOCAL_ISSUER = "urn:checkout:local-issuer"
PREFIX = "CHECKOUT_"
ENV_FILE = ".env"
_DAY = timedelta(days=1).total_seconds()

_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:]*)(:[0-9]{1,5})?")
_BROKER = r"(\[[0-9a-fA-F:]+\]|[^\s,:/@]+)(:[0-9]{1,5})?"
_BROKERS = re.compile(f"{_BROKER}(,{_BROKER})*")


class InvalidSetting(CheckoutError, ValueError):
    """A setting has a value that it must not have. The message names the setting and says what it must be."""


class MissingSetting(CheckoutError):
    """A setting that this process needs is missing. The message names it."""


def _parse_terms(value: object) -> object:
    """Refuses unknown terms and wrong types, so that a misspelt term does not pass silently."""
    if not isinstance(value, dict):
        return value
    return PolicyTerms.model_validate_json(json.dumps(value), strict=True, extra="forbid", by_alias=True, by_name=False)


def _parse_groups(value: object) -> object:
    """A group's name stands for the group. Refuses what else is no group, so that a misspelt member does not pass."""
    if not isinstance(value, list):
        return value
    return [
        WatchedGroup.model_validate({"group": each} if isinstance(each, str) else each, strict=True, extra="forbid")
        for each in value
    ]


def _check_database_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    hosts = urlsplit(url.get_secret_value()).netloc.rpartition("@")[2].split(",")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("must be postgresql://user:password@host:port/database, a password's #, / and ? as %XX")
    return url


def _check_web_url(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return url


def _check_brokers(servers: str) -> str:
    if not _BROKERS.fullmatch(servers):
        raise ValueError("must be host:port, several with commas in between")
    return servers


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """The settings of a process. Durations are in seconds. The text under a setting is its entry in
    docs/settings.md, which `checkout settings --markdown` writes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    database_url: DatabaseUrl | None = None
    """PostgreSQL, `postgresql://user:password@host:port/database`."""
    operator_database_url: DatabaseUrl | None = None
    """The same database, signed in as the operators' role. Operators' commands, the operator API and the console
    use it. Unset: they use `CHECKOUT_DATABASE_URL`."""
    database_role_passwords: dict[Literal["owner", "api", "worker", "operator"], SecretStr] = Field(
        default_factory=dict
    )
    """JSON, `{"api": "…"}`: the passwords of the roles that `checkout migrate --roles` creates. Only that command
    reads it."""
    database_sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None
    """TLS to PostgreSQL, as libpq's `sslmode`; `verify-full` in production. Unset: what the URL says, else
    `prefer`."""
    database_ca_file: Path | None = None
    """The certificates by which PostgreSQL is trusted; in the URL `sslrootcert`."""
    database_certificate_file: Path | None = None
    """Our certificate for PostgreSQL, with its chain; in the URL `sslcert`."""
    database_key_file: Path | None = None
    """The private key of that certificate; in the URL `sslkey`."""
    database_pool_size: int = Field(default=8, ge=2)
    """Connections for everything except the writer."""
    database_timeout: PositiveFloat = 3.0
    """How long a call waits for PostgreSQL before it answers 503."""
    long_run_timeout: PositiveFloat = 60.0
    """How long an operator's long run waits for one answer of PostgreSQL. Long runs are `verify`, `rebuild`,
    `republish`, `forget`, `validate --what-if` and `data-keys rewrap`."""
    long_run_patience: NonNegativeFloat = 600.0
    """How long such a run, and `catalogue load`, waits for PostgreSQL or Kafka to come back before it gives up."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_check_brokers)] | None = None
    """`host:port[,host:port…]`."""
    kafka_delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    """`at_least_once` is only for brokers without transactions, such as the embedded one."""
    kafka_partitions: PositiveInt = 12
    """The partitions of the topics that this service creates."""
    kafka_replication_factor: PositiveInt | None = None
    """The replication factor of the topics that this service creates. Unset: 3, or the number of brokers where
    there are fewer."""
    kafka_fetch_max_wait_ms: PositiveInt = 100
    """How long a fetch waits for data. The embedded broker wants 5 to 20."""
    kafka_idle_poll_ms: NonNegativeInt = 0
    """How often a consumer asks for messages after two quiet seconds. 0: a fetch always waits at the broker. The
    embedded broker does not wake a waiting fetch and wants 250."""
    embedded_broker_megabytes: int = Field(default=1024, ge=32)
    """The embedded broker keeps every message in memory. It is restarted once it holds more than this. A restart
    empties its topics, and nothing is published again."""
    kafka_session_timeout_ms: int = Field(default=10_000, ge=1000)
    """A consumer that is silent for this long loses its partitions. Brokers refuse less than 6000. The embedded one
    accepts less; there the first member of a group waits for half of it."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """The protocol that brokers are reached by."""
    kafka_ca_file: Path | None = None
    """The certificates by which brokers are trusted. Unset: those of the system."""
    kafka_certificate_file: Path | None = None
    """Our certificate for brokers, with its chain; with SSL or SASL_SSL."""
    kafka_key_file: Path | None = None
    """The private key of that certificate. Unset: it is in the certificate's file."""
    kafka_key_password: SecretStr | None = None
    """The password that encrypts that private key."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How this service signs in to brokers, with a SASL protocol."""
    kafka_sasl_username: str | None = None
    """The user, with a SASL protocol."""
    kafka_sasl_password: SecretStr | None = None
    """The password, with a SASL protocol."""
    kafka_personal_data: Literal["open", "sealed"] = "open"
    """`sealed`: `tracking`, `customFields` and the details of persons are published encrypted, so that erasing a
    person reaches what Kafka keeps. Readers of the topics cannot read them then."""
    state_retention: float = Field(default=30 * _DAY, gt=0, le=36_600 * _DAY)
    """How long a basket stays on `checkout.baskets.v1` after it was completed, cancelled or expired. Then it gets a
    tombstone there."""
    publisher_id: str = "checkout-publisher"
    """The name of the publisher's checkpoint; one for each Kafka cluster that is published to."""

    jwks_url: Annotated[str, AfterValidator(_check_web_url)] | None = None
    """Where the token issuer publishes its keys."""
    jwt_key_file: Path | None = None
    """A JWKS or a PEM public key, instead of `CHECKOUT_JWKS_URL`."""
    jwt_issuer: str = LOCAL_ISSUER
    """The `iss` that tokens must have."""
    jwt_audience: str = "partner-checkout"
    """The `aud` that tokens must have."""
    jwt_leeway: NonNegativeFloat = 5.0
    """The clock difference that is allowed when a token's times are checked."""
    jwt_longest_life: PositiveFloat = _DAY
    """A token with a longer lifetime is refused. It is measured from `iat`, or from now without one, to `exp`."""
    jwks_refresh_interval: PositiveFloat = 30.0
    """An unknown key id has the keys fetched again, at most this often."""
    jwks_max_age: PositiveFloat = 300.0
    """Keys are fetched again before they are this old. While the issuer answers, a withdrawn key is trusted no
    longer than this; nor is any token that was signed with it."""
    jwks_trusted_for: PositiveFloat = timedelta(hours=1).total_seconds()
    """How long keys stay in use while they cannot be fetched again. Then every call answers 503 until they can."""
    partner_claim: str = "partner_org"
    """The claim that names the organisation."""
    local_issuer_key_file: Path = Field(default_factory=lambda: user_state_path("partner-checkout") / "issuer-key.pem")
    """The private key that `checkout token` signs with. It is created when it is missing."""

    data_key_file: Path | None = None
    """The master keys that encrypt personal data; `checkout data-keys new` creates the file. All processes need the
    same one. Unset: personal data is stored unencrypted."""

    promise_key_file: Path | None = None
    """The keys that sign promises; `checkout promise-keys new` creates the file. The API and the workers need the
    same one. Unset: verdicts carry no promise."""
    promise_issuer: str = Field(default="urn:checkout:promises", min_length=1, max_length=512)
    """The `iss` of promises, a URI that order services compare. Earlier promises count no more once it changes."""
    promise_seconds: int = Field(default=900, ge=1, le=24 * 3600)
    """The longest life of a promise, in whole seconds. It ends earlier where something that the verdict rests on
    begins, ends or expires."""
    promise_jwks_max_age: int = Field(default=300, ge=1, le=24 * 3600)
    """How long caches may keep the published keys of promises. A new key waits for twice as long before it signs, so
    that every process and every cache has it by then."""

    landing_cookie: str = Field(default="landing_state", pattern=r"^[A-Za-z0-9_\-]+$")
    """The landing state cookie's name."""
    landing_cookie_secure: bool = True
    """Send the cookie over HTTPS only; false for local use without TLS."""
    max_body_bytes: int = Field(default=256 * 1024, ge=1024)
    """The largest body of a request."""
    max_quantity: PositiveInt = 9999
    """The largest quantity of a line."""
    request_handling: Literal["lenient", "strict"] = "lenient"
    """What becomes of members that are not known here, unless a request has `Prefer: handling=...`. `lenient`: they
    are not kept, and the answer names them. `strict`: the request is refused."""
    max_items: PositiveInt = 500
    """The most lines of a request and of a basket."""
    max_actions: PositiveInt = 200
    """The most actions of an update."""
    basket_lifetime: PositiveFloat = 14 * _DAY
    """The time until a basket expires. `CHECKOUT_EXPIRY_FROM` says from when it counts."""
    expiry_from: Literal["creation", "last_change"] = "creation"
    """Whether a basket's lifetime counts from its creation, or from its last accepted change. A basket keeps the rule
    that it began with."""
    abandoned_after_seconds: float = Field(default=3600.0, gt=0, le=366 * _DAY)
    """A partner's list of baskets calls an open basket abandoned when nothing has happened to it for this long."""
    idempotency_lifetime: PositiveFloat = _DAY
    """How long keyed answers are kept."""
    basket_cache_lines: PositiveInt = 30_000
    """How many lines of baskets a process caches; a line takes 3 to 4 KB with its JSON. A basket counts as one line more,
    2 KB of details as one, and 16 products of its lines as another."""
    catalogue_cache_size: PositiveInt = 20_000
    """How many offers a process caches."""
    catalogue_ignored_members: list[str] = []
    """JSON, such as `["colour"]`: members that are ignored in catalogue messages and lines, although the contract
    does not know them. A message with any other unknown member is refused."""
    validation_policy: Annotated[PolicyTerms, BeforeValidator(_parse_terms)] = PolicyTerms(
        price_expires_within=24 * 3600, low_stock=5, crashed_check_blocks=True
    )
    """JSON: the terms of `checkout.policies.v1` that hold where no policy says otherwise."""
    revalidator: bool = False
    """Whether `checkout work all` also runs the revalidator, which publishes verdicts that changed."""
    revalidator_rate: PositiveFloat = 200.0
    """The most baskets a second that the revalidator validates."""
    revalidator_settles: NonNegativeFloat = 4.0
    """The age at which the revalidator takes up a fact. It must be longer than a validation may take from reading
    the catalogue to storing its verdict (`CHECKOUT_DATABASE_TIMEOUT`)."""
    sampler_baskets_per_minute: NonNegativeFloat = 6.0
    """How many baskets the sampler verifies. 0: `checkout work all` runs no sampler."""
    expiry_interval: PositiveFloat = 5.0
    """How often the expiry worker looks for due baskets."""
    archive_after: Annotated[float, Field(ge=0, le=36_600 * _DAY)] | None = None
    """How long after its last event a basket that is over moves to the archive. Its state must have left
    `checkout.baskets.v1` too: see `CHECKOUT_STATE_RETENTION`. Unset: nothing is archived."""
    archive_folder: Path | None = None
    """The folder of the archive's files. It must exist, and be in the backups. The workers, and operators' commands
    about archived baskets, need it."""

    data: Path = Path(".checkout")
    """The folder of `checkout up`. Commands find the service that runs there, unless `CHECKOUT_DATABASE_URL` or
    `CHECKOUT_KAFKA_BOOTSTRAP_SERVERS` names another one."""
    status_behind_seconds: NonNegativeFloat = 30.0
    """`checkout status` and the console call a worker behind when something has waited for it for longer. 0: never
    because of time."""
    status_behind_events: NonNegativeInt = 20_000
    """They call a worker behind when more events than this wait for it. 0: never because of a number."""
    watched_groups: Annotated[list[WatchedGroup], BeforeValidator(_parse_groups)] = []
    """JSON, such as `["order-service", {"group": "order-cache", "topic": "checkout.baskets.v1"}]`: consumer groups of
    order services. `checkout status`, the console and `/metrics` show how far behind they are. Without a topic: on each
    of our topics that the group has committed on. `checkout work all` then also runs the watcher."""
    status_dead_letters: NonNegativeInt = 0
    """They report a problem when more dead letters than this wait for an operator."""

    host: str = "127.0.0.1"
    """The address that the API and the health pages listen on."""
    port: Port = 8080
    """The port of the API; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of `checkout serve` that share its port, each with pools, caches and limits of its own. With more than
    one there is no console."""
    health_port: Port = 8081
    """The port of a worker's health pages; 0 takes a free one."""
    console: bool = False
    """Whether `checkout serve` also serves the operators' console at /console. `checkout up` does."""
    console_idle_timeout: PositiveFloat = timedelta(minutes=30).total_seconds()
    """An operator who does nothing at the console for this long is signed out."""
    console_session_lifetime: PositiveFloat = timedelta(hours=12).total_seconds()
    """The longest session at the console, whatever the operator does in it."""
    metrics_port: Port | None = None
    """Where the API serves `/metrics`, apart from partners. 0 takes a free port; unset: nowhere. With
    CHECKOUT_WORKERS each of its processes has a port of its own: this one, the next, and so on. Workers serve metrics
    on their health port."""
    http_max_request_line_bytes: int = Field(default=8192, ge=128)
    """The longest request line; longer: 414."""
    http_max_url_bytes: int = Field(default=8000, ge=64)
    """The longest URL; longer: 414."""
    http_max_header_bytes: int = Field(default=16 * 1024, ge=1024)
    """Request line and headers together; larger: 431."""
    http_max_headers: int = Field(default=100, ge=8)
    """The most header lines of a request; more: 431."""
    http_headers_timeout: PositiveFloat = 10.0
    """From a request's first byte, or from connecting, to the last header; later: 408."""
    http_body_timeout: PositiveFloat = 30.0
    """From the last header to the body's last byte; later: 408."""
    http_idle_timeout: PositiveFloat = 65.0
    """How long a connection may wait for its next request. A load balancer's idle timeout must be shorter."""
    http_send_timeout: PositiveFloat = 30.0
    """How long a caller may leave a response unread before its connection is closed."""
    http_max_connections: PositiveInt = 800
    """Open connections of a port. Beyond it the longest idle one is closed; where none is idle: 503."""
    http_max_connections_per_client: PositiveInt | None = None
    """Open connections of one address; more: 503. Unset: no limit, because behind a load balancer all callers share
    one address."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Logs below this level are left out."""


def variable_name(setting: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{setting}".upper()
