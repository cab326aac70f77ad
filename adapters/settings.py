"""All settings. Each is an environment variable `CHECKOUT_<NAME>`; a `.env` file is read too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_state_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from adapters.service_file import running_service
from domain.catalogue.policies import PolicyTerms
from domain.shared.errors import CheckoutError

LOCAL_ISSUER = "urn:checkout:local-issuer"
PREFIX = "CHECKOUT_"
ENV_FILE = ".env"

_PARTS = ("database_url", "operator_database_url", "kafka_bootstrap_servers")
"""Settings by which another service is meant than the one that runs here."""

_FILES = (
    *("jwt_key_file", "kafka_ca_file", "kafka_certificate_file", "kafka_key_file"),
    *("database_ca_file", "database_certificate_file", "database_key_file"),
)
"""Settings that name files which others make. One that cannot be read is told at the start, not at the first use."""

_MUST = re.compile(r"^(Value error, must|Input should|String should)")
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:]*)(:[0-9]{1,5})?")
_BROKER = r"(\[[0-9a-fA-F:]+\]|[^\s,:/@]+)(:[0-9]{1,5})?"
_BROKERS = re.compile(f"{_BROKER}(,{_BROKER})*")


class InvalidSetting(CheckoutError, ValueError):
    """A setting is not what it must be; the message names it, and says what it must be."""


def _known_terms(value: object) -> object:
    """A misspelt term of a policy would be passed over silently, and a wrong type be guessed."""
    if not isinstance(value, dict):
        return value
    return PolicyTerms.model_validate_json(
        json.dumps(value), strict=True, extra="forbid", by_alias=True, by_name=False
    )


def _postgresql(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    hosts = urlsplit(url.get_secret_value()).netloc.rpartition("@")[2].split(",")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError(
            "must be postgresql://user:password@host:port/database, a password's #, / and ? as %XX"
        )
    return url


def _web_address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return url


def _brokers(servers: str) -> str:
    if not _BROKERS.fullmatch(servers):
        raise ValueError("must be host:port, several with commas in between")
    return servers


Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """What a process of the service is told from outside. Durations are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore"
    )

    database_url: Annotated[SecretStr, AfterValidator(_postgresql)] | None = Field(
        default=None, description="PostgreSQL, `postgresql://user:password@host:port/database`."
    )
    operator_database_url: Annotated[SecretStr, AfterValidator(_postgresql)] | None = Field(
        default=None,
        description="The same database, signed in as the operators' role: for operators' commands, the operator API and"
        " the console. Unset: `CHECKOUT_DATABASE_URL` serves them too.",
    )
    database_role_passwords: dict[Literal["owner", "api", "worker", "operator"], SecretStr] = Field(
        default_factory=dict,
        description='JSON, `{"api": "…"}`: with these passwords the roles sign in that `checkout migrate --roles`'
        " makes; only that command reads it.",
    )
    database_sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = (
        Field(
            default=None,
            description="TLS to PostgreSQL, as libpq's `sslmode`; `verify-full` in production. Unset: what the URL says,"
            " else `prefer`.",
        )
    )
    database_ca_file: Path | None = Field(
        default=None, description="Certificates that PostgreSQL is trusted by; in the URL `sslrootcert`."
    )
    database_certificate_file: Path | None = Field(
        default=None, description="Our certificate for PostgreSQL, with its chain; in the URL `sslcert`."
    )
    database_key_file: Path | None = Field(
        default=None, description="The private key of that certificate; in the URL `sslkey`."
    )
    database_pool_size: int = Field(default=8, ge=2, description="Connections for everything but the writer.")
    database_timeout: Seconds = Field(
        default=3.0, description="How long a call waits for PostgreSQL before it answers 503."
    )
    long_run_timeout: Seconds = Field(
        default=60.0,
        description="How long an operator's long run (`verify`, `rebuild`, `republish`, `forget`, `validate --what-if`,"
        " `data-keys rewrap`) waits for one answer of PostgreSQL.",
    )
    long_run_patience: float = Field(
        default=600.0,
        ge=0,
        description="How long such a run, and `catalogue load`, waits for PostgreSQL or Kafka to come back before it"
        " gives up.",
    )

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_brokers)] | None = Field(
        default=None, description="`host:port[,host:port…]`."
    )
    kafka_delivery: Literal["exactly_once", "at_least_once"] = Field(
        default="exactly_once",
        description="`at_least_once` only for brokers without transactions, such as the embedded one.",
    )
    kafka_partitions: int = Field(default=12, ge=1, description="Of the topics that this service makes.")
    kafka_replication_factor: int | None = Field(
        default=None,
        ge=1,
        description="Of the topics that this service makes; unset: 3, or as many as there are brokers.",
    )
    kafka_fetch_max_wait_ms: int = Field(
        default=100, ge=1, description="How long a fetch waits for data. The embedded broker wants 5 to 20."
    )
    kafka_idle_poll_ms: int = Field(
        default=0,
        ge=0,
        description="How often a consumer asks for messages after two quiet seconds; 0: a fetch always waits at the"
        " broker. The embedded broker, which does not wake a fetch that waits, wants 250.",
    )
    embedded_broker_megabytes: int = Field(
        default=1024,
        ge=32,
        description="The embedded broker keeps every message in memory. Once it holds more than this, it is started"
        " anew: what was published before is gone from its topics, and nothing is published again.",
    )
    kafka_session_timeout_ms: int = Field(
        default=10_000,
        ge=1000,
        description="After how long a silent consumer loses its partitions. Brokers refuse less than 6000; the"
        " embedded one does not, and makes every first member of a group wait for half of it.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How brokers are talked to."
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="Certificates that brokers are trusted by; unset: those of the system."
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="Our certificate for brokers, with its chain; with SSL or SASL_SSL."
    )
    kafka_key_file: Path | None = Field(
        default=None,
        description="The private key of that certificate; unset: it is in the certificate's file.",
    )
    kafka_key_password: SecretStr | None = Field(
        default=None, description="What that private key is encrypted with."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How we sign in to brokers, with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(default=None, description="With a SASL protocol.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="With a SASL protocol.")
    kafka_personal_data: Literal["open", "sealed"] = Field(
        default="open",
        description="`sealed`: what `tracking` and `customFields` hold is published encrypted, so that forgetting a"
        " person reaches what Kafka keeps; who reads the topics cannot read them then.",
    )
    publisher_id: str = Field(
        default="checkout-publisher",
        description="Names the publisher's progress; one for each Kafka cluster that is published to.",
    )

    jwks_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        default=None, description="Where the token issuer publishes its keys."
    )
    jwt_key_file: Path | None = Field(
        default=None, description="A JWKS or a PEM public key, instead of `CHECKOUT_JWKS_URL`."
    )
    jwt_issuer: str = Field(default=LOCAL_ISSUER, description="The `iss` that tokens must have.")
    jwt_audience: str = Field(default="partner-checkout", description="The `aud` that tokens must have.")
    jwt_leeway: float = Field(default=5.0, ge=0, description="Clock difference that tokens are granted.")
    jwt_longest_life: Seconds = Field(
        default=timedelta(hours=24).total_seconds(),
        description="A token that lives longer, from its `iat` (without one: from now) to its `exp`, is refused.",
    )
    jwks_refresh_interval: Seconds = Field(
        default=30.0, description="An unknown key id makes the keys be fetched again, at most this often."
    )
    jwks_max_age: Seconds = Field(
        default=300.0,
        description="Keys are fetched again before they are this old. A key that the issuer withdrew is trusted no"
        " longer than this while the issuer answers; nor is any token that was signed with it.",
    )
    jwks_trusted_for: Seconds = Field(
        default=timedelta(hours=1).total_seconds(),
        description="How long keys serve while they cannot be fetched again. Then every call answers 503 until they"
        " can.",
    )
    partner_claim: str = Field(default="partner_org", description="The claim that names the organisation.")
    local_issuer_key_file: Path = Field(
        default_factory=lambda: user_state_path("partner-checkout") / "issuer-key.pem",
        description="The private key that `checkout token` signs with; made when it is missing.",
    )

    data_key_file: Path | None = Field(
        default=None,
        description="The master keys that personal data is sealed by (`checkout data-keys new` makes the file); the"
        " same for all processes. Unset: it is stored as it comes.",
    )

    landing_cookie: str = Field(
        default="landing_state", pattern=r"^[A-Za-z0-9_\-]+$", description="The landing state cookie's name."
    )
    landing_cookie_secure: bool = Field(
        default=True, description="Send the cookie over HTTPS only; false for local use without TLS."
    )
    max_body_bytes: int = Field(default=256 * 1024, ge=1024, description="The largest body of a request.")
    max_quantity: int = Field(default=9999, ge=1, description="The largest quantity of a line.")
    max_items: int = Field(default=500, ge=1, description="The most lines of a request and of a basket.")
    max_actions: int = Field(default=200, ge=1, description="The most actions of an update.")
    basket_lifetime: Seconds = Field(
        default=timedelta(days=14).total_seconds(), description="From a basket's creation to its expiry."
    )
    idempotency_lifetime: Seconds = Field(
        default=timedelta(hours=24).total_seconds(), description="How long keyed answers are kept."
    )
    basket_cache_lines: int = Field(
        default=30_000,
        ge=1,
        description="Baskets of so many lines in all are kept in a process's memory; a line takes about 3 KB.",
    )
    catalogue_cache_size: int = Field(default=20_000, ge=1, description="Offers kept in a process's memory.")
    catalogue_ignored_members: list[str] = Field(
        default=[],
        description='JSON, such as `["colour"]`: members of catalogue messages and lines that are passed over where'
        " the contract does not know them. A message with any other unknown member is refused.",
    )
    validation_policy: Annotated[PolicyTerms, BeforeValidator(_known_terms)] = Field(
        default=PolicyTerms(price_expires_within=24 * 3600, low_stock=5, crashed_check_blocks=True),
        description="JSON: the terms of `checkout.policies.v1` that hold where no policy says otherwise.",
    )
    revalidator: bool = Field(
        default=False,
        description="Whether `checkout work all` runs the revalidator too, which pushes verdicts that changed.",
    )
    revalidator_rate: float = Field(
        default=200.0, gt=0, description="The most baskets a second that the revalidator judges."
    )
    revalidator_settles: float = Field(
        default=4.0,
        ge=0,
        description="How old a fact must be before the revalidator takes it up; longer than a validation may"
        " take from reading the catalogue to its record (`CHECKOUT_DATABASE_TIMEOUT`).",
    )
    sampler_baskets_per_minute: float = Field(
        default=6.0,
        ge=0,
        description="How many baskets the sampler verifies; 0: `checkout work all` runs none.",
    )
    expiry_interval: Seconds = Field(default=5.0, description="How often due baskets are looked for.")

    data: Path = Field(
        default=Path(".checkout"),
        description="The folder of `checkout up`. Commands find the service that runs there, unless"
        " `CHECKOUT_DATABASE_URL` or `CHECKOUT_KAFKA_BOOTSTRAP_SERVERS` names another.",
    )
    status_behind_seconds: float = Field(
        default=30.0,
        ge=0,
        description="`checkout status` and the console call a worker behind where something has waited for longer;"
        " 0: never by time.",
    )
    status_behind_events: int = Field(
        default=20_000,
        ge=0,
        description="They call a worker behind where more than so much waits; 0: never by number.",
    )
    status_dead_letters: int = Field(
        default=0,
        ge=0,
        description="They call it a problem where more dead letters than so many wait for an operator.",
    )

    host: str = Field(default="127.0.0.1", description="Address that the API and health pages listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Of the API; 0 takes a free one.")
    health_port: int = Field(default=8081, ge=0, le=65535, description="Of a worker; 0 takes a free one.")
    console: bool = Field(
        default=False,
        description="Whether `checkout serve` serves the operators' console at /console too; `checkout up` does.",
    )
    console_idle_timeout: Seconds = Field(
        default=timedelta(minutes=30).total_seconds(),
        description="An operator who does nothing at the console for so long is signed out.",
    )
    console_session_lifetime: Seconds = Field(
        default=timedelta(hours=12).total_seconds(),
        description="From signing in at the console to being signed out, whatever is done meanwhile.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where the API serves `/metrics`, apart from partners; unset: nowhere, 0 takes a free one."
        " Workers serve them on their health port.",
    )
    http_max_request_line_bytes: int = Field(
        default=8192, ge=128, description="The longest request line; longer: 414."
    )
    http_max_url_bytes: int = Field(default=8000, ge=64, description="The longest URL; longer: 414.")
    http_max_header_bytes: int = Field(
        default=16 * 1024, ge=1024, description="Request line and headers together; larger: 431."
    )
    http_max_headers: int = Field(
        default=100, ge=8, description="The most header lines of a request; more: 431."
    )
    http_headers_timeout: Seconds = Field(
        default=10.0,
        description="From a request's first byte, or the connection, to the last header; later: 408.",
    )
    http_body_timeout: Seconds = Field(
        default=30.0, description="From the last header to the body's last byte; later: 408."
    )
    http_idle_timeout: Seconds = Field(
        default=65.0,
        description="How long a connection may wait for its next request. A balancer's idle time must be shorter.",
    )
    http_send_timeout: Seconds = Field(
        default=30.0, description="How long a caller may leave an answer unread before it is cut off."
    )
    http_max_connections: int = Field(
        default=800,
        ge=1,
        description="Open connections of a port. Beyond, the longest unused one makes room; where all are in use: 503.",
    )
    http_max_connections_per_client: int | None = Field(
        default=None,
        ge=1,
        description="Open connections of one address; more: 503. Unset: no limit, as behind a balancer all have one.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Logs below this level are left out."
    )


def variable_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name}".upper()


def read_settings(given: Mapping[str, object] | None = None, *, running: bool = True) -> Settings:
    """The settings of the environment and of `.env`; what is given goes before. `running`: what they leave open is
    taken from the running service of the data folder, unless they name other parts than it has. Raises
    InvalidSetting."""
    given = given or {}
    settings = _read(given)
    service = running_service(settings.data) if running else None
    if service is not None:
        theirs = {name.removeprefix(PREFIX).lower(): value for name, value in service.settings.items()}
        named = {name: _plain(settings, name) for name in _PARTS if name in settings.model_fields_set}
        if all(theirs.get(name) == value for name, value in named.items()):
            missing = theirs.keys() - settings.model_fields_set
            settings = _read({**given, **{name: theirs[name] for name in missing}})
    for name in _FILES:
        _require_readable(name, getattr(settings, name))
    return settings


def _plain(settings: Settings, name: str) -> object:
    value = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _read(given: Mapping[str, object]) -> Settings:
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise InvalidSetting("; ".join(_wrong(each) for each in error.errors())) from error
    except SettingsError as error:
        raise InvalidSetting(_not_json(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"the file {ENV_FILE} cannot be read: {error}") from error


def _require_readable(name: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.open("rb").close()
    except OSError as error:
        raise InvalidSetting(f"{variable_name(name)}: {path} cannot be read: {error.strerror}") from error


def _wrong(error: ErrorDetails) -> str:
    """The variable, what it says unless that may be secret, and what it must be."""
    name, *below = map(str, error["loc"])
    said = "" if below or name.endswith(("_url", "_password")) else f" is {str(error['input'])[:60]!r} but"
    must = _MUST.sub("must", error["msg"]).partition(", unable")[0]
    if error["type"] == "extra_forbidden":
        must = "is not known"
    return f"{variable_name(name)}{said}{''.join(f' {part}' for part in below)} {must}"


def _not_json(error: SettingsError) -> str:
    _, name, *_ = str(error).split('"')
    return f"{variable_name(name)} must be JSON: {error.__cause__}"
