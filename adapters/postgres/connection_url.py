"""Where PostgreSQL is and how it is talked to; and why a connection was not to be had, in words that help."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from adapters.service_file import why_no_service
from adapters.settings import InvalidSetting, Settings
from adapters.tls import (
    TlsFault,
    check_ca_file,
    check_certificate_files,
    tls_fault,
)

_VERIFYING = ("verify-ca", "verify-full")

_SETTINGS = {
    "sslmode": "CHECKOUT_DATABASE_SSLMODE",
    "sslrootcert": "CHECKOUT_DATABASE_CA_FILE",
    "sslcert": "CHECKOUT_DATABASE_CERTIFICATE_FILE",
    "sslkey": "CHECKOUT_DATABASE_KEY_FILE",
}
"""Parameters of a URL, as libpq names them, and the settings that say the same."""

_FAULTS: Mapping[TlsFault, str] = {
    "untrusted": "its certificate is not trusted: CHECKOUT_DATABASE_CA_FILE has to hold the authority that issued it",
    "other host": "its certificate is not for this host: CHECKOUT_DATABASE_URL has to name one that the certificate"
    " names (CHECKOUT_DATABASE_SSLMODE=verify-ca looks at no name)",
    "not valid now": "its certificate is not valid now: it needs a new one, or this machine's clock is wrong",
    "certificate wanted": "it wants a certificate of ours: CHECKOUT_DATABASE_CERTIFICATE_FILE and"
    " CHECKOUT_DATABASE_KEY_FILE name one",
    "certificate refused": "it refuses our certificate: CHECKOUT_DATABASE_CERTIFICATE_FILE has to be issued by an"
    " authority that the server trusts",
    "no tls": "it does not speak TLS: CHECKOUT_DATABASE_SSLMODE wants it",
}


def database_url(settings: Settings, *, of_operators: bool = False) -> str:
    """The URL with all that settings say about TLS, so that whoever is given it, another process too, connects in the
    same way. Raises InvalidSetting where no database is named, the URL contradicts the settings, or a file cannot be
    used."""
    url = (settings.operator_database_url if of_operators else None) or settings.database_url
    if url is None:
        raise InvalidSetting(f"CHECKOUT_DATABASE_URL names no database, and {why_no_service(settings.data)}")
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError as error:
        raise InvalidSetting(f"the database's URL cannot be read: {error}") from error
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    said = _of_settings(settings)
    for parameter, value in said.items():
        if given.setdefault(parameter, value) != value:
            raise InvalidSetting(
                f"{_SETTINGS[parameter]} says {value}, and the database's URL {parameter}={given[parameter]}:"
                " one of them has to go"
            )
    _look_at_files(given)
    return parts._replace(query=urlencode(given)).geturl() if said else url.get_secret_value()


def tls_problem(error: BaseException, url: str) -> str | None:
    """Why there is no connection by this URL, where TLS or a certificate is why, and which setting mends it."""
    with_certificate = "sslcert" in dict(parse_qsl(urlsplit(url).query))
    said = str(error) or type(error).__name__
    if (fault := tls_fault(error)) is not None:
        return f"PostgreSQL cannot be talked to: {_FAULTS[fault]} ({said})"
    match error:
        case asyncpg.InvalidPasswordError() if with_certificate:
            return (
                f"{said}: CHECKOUT_DATABASE_URL (for operators CHECKOUT_OPERATOR_DATABASE_URL) has another, or"
                " CHECKOUT_DATABASE_CERTIFICATE_FILE is of another user"
            )
        case asyncpg.InvalidAuthorizationSpecificationError() if "certificate" in said:
            return f"PostgreSQL refused it: {_FAULTS['certificate wanted']}, for the user of the URL ({said})"
        case asyncpg.InvalidAuthorizationSpecificationError() if "no encryption" in said:
            return (
                f"PostgreSQL talks by TLS alone: CHECKOUT_DATABASE_SSLMODE=verify-full turns it on ({said})"
            )
        case asyncpg.ConnectionDoesNotExistError() if with_certificate:
            return f"{said}; a server does this that does not trust who issued CHECKOUT_DATABASE_CERTIFICATE_FILE"
        case ConnectionError() if "rejected SSL upgrade" in said:
            return f"PostgreSQL cannot be talked to: {_FAULTS['no tls']} ({said})"
    return None


def _of_settings(settings: Settings) -> dict[str, str]:
    said = {
        "sslmode": settings.database_sslmode,
        "sslrootcert": settings.database_ca_file,
        "sslcert": settings.database_certificate_file,
        "sslkey": settings.database_key_file,
    }
    return {parameter: str(value) for parameter, value in said.items() if value is not None}


def _look_at_files(given: Mapping[str, str]) -> None:
    """What the driver would say of them only once it connects, and without their names."""
    mode = given.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    if mode in ("disable", "allow"):
        return
    if authority := given.get("sslrootcert"):
        check_ca_file(Path(authority), _SETTINGS["sslrootcert"])
    elif mode in _VERIFYING and not (os.environ.get("PGSSLROOTCERT") or _usual_authority().exists()):
        raise InvalidSetting(
            f"CHECKOUT_DATABASE_SSLMODE={mode} needs CHECKOUT_DATABASE_CA_FILE (sslrootcert in the URL): the"
            " certificates that PostgreSQL is trusted by"
        )
    if certificate := given.get("sslcert"):
        key = given.get("sslkey")
        check_certificate_files(
            Path(certificate),
            Path(key) if key else None,
            given.get("sslpassword"),
            f"{_SETTINGS['sslcert']} and {_SETTINGS['sslkey']}",
        )
    elif "sslkey" in given:
        raise InvalidSetting(
            f"{_SETTINGS['sslkey']} names a key, and {_SETTINGS['sslcert']} no certificate to it"
        )


def _usual_authority() -> Path:
    """Where libpq and the driver look by themselves."""
    return Path("~/.postgresql/root.crt").expanduser()
