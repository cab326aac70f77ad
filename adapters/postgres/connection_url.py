"""The URL of PostgreSQL, with all that the settings say about TLS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from adapters.service_file import why_no_service
from adapters.settings import InvalidSetting, MissingSetting, Settings, variable_name
from adapters.tls import check_ca_file, check_certificate_files

_VERIFYING = ("verify-ca", "verify-full")

_SETTINGS = {
    "sslmode": "database_sslmode",
    "sslrootcert": "database_ca_file",
    "sslcert": "database_certificate_file",
    "sslkey": "database_key_file",
}
"""The setting for each of libpq's URL parameters."""


def database_url(settings: Settings, *, operator: bool = False) -> str:
    """The URL, complete, so that every process that is given it connects in the same way.

    Raises MissingSetting where no database is named. Raises InvalidSetting where the URL contradicts the settings,
    or a file cannot be used.
    """
    url = (settings.operator_database_url if operator else None) or settings.database_url
    if url is None:
        raise MissingSetting(f"CHECKOUT_DATABASE_URL names no database, and {why_no_service(settings.data)}")
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError as error:
        raise InvalidSetting(f"the database's URL cannot be read: {error}") from error
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    of_settings = {name: getattr(settings, setting) for name, setting in _SETTINGS.items()}
    of_settings = {name: str(value) for name, value in of_settings.items() if value is not None}
    for name, value in of_settings.items():
        if parameters.setdefault(name, value) != value:
            raise InvalidSetting(
                f"{variable_name(_SETTINGS[name])} says {value}, and the database's URL {name}={parameters[name]}:"
                " one of them has to go"
            )
    _check_files(parameters)
    return parts._replace(query=urlencode(parameters)).geturl() if of_settings else url.get_secret_value()


def _check_files(parameters: Mapping[str, str]) -> None:
    """The driver would report the same only when it connects, and without the files' names."""
    mode = parameters.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    if mode in ("disable", "allow"):
        return
    variables = {name: variable_name(setting) for name, setting in _SETTINGS.items()}
    if authority := parameters.get("sslrootcert"):
        check_ca_file(Path(authority), variables["sslrootcert"])
    elif mode in _VERIFYING and not (os.environ.get("PGSSLROOTCERT") or _default_ca_file().exists()):
        raise InvalidSetting(
            f"CHECKOUT_DATABASE_SSLMODE={mode} needs CHECKOUT_DATABASE_CA_FILE (sslrootcert in the URL): the"
            " certificates that PostgreSQL is trusted by"
        )
    if certificate := parameters.get("sslcert"):
        key = parameters.get("sslkey")
        check_certificate_files(
            Path(certificate),
            Path(key) if key else None,
            parameters.get("sslpassword"),
            f"{variables['sslcert']} and {variables['sslkey']}",
        )
    elif "sslkey" in parameters:
        raise InvalidSetting(f"{variables['sslkey']} names a key, and {variables['sslcert']} no certificate to it")


def _default_ca_file() -> Path:
    """Where libpq and the driver look without a setting."""
    return Path("~/.postgresql/root.crt").expanduser()
