"""Says why there is no connection to PostgreSQL, and which setting to change."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from adapters.tls import TlsFault, tls_fault

_TLS_FAULTS: Mapping[TlsFault, str] = {
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


def describe_failed_connection(error: BaseException, url: str) -> str:
    """The reason in words, without the password."""
    return _describe_tls(error, url) or _describe(error, url)


def _describe(error: BaseException, url: str) -> str:
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    server = f"PostgreSQL at {hosts or 'its default address'}"
    match error:
        case socket.gaierror():
            reason = f"no host is called {hosts}"
        case ConnectionRefusedError():
            reason = f"nothing listens where {server} should be; is it running?"
        case TimeoutError():
            reason = f"{server} did not answer in time"
        case asyncpg.InvalidPasswordError():
            reason = f"{server} does not take the password of {parts.username}"
        case asyncpg.InvalidAuthorizationSpecificationError():
            reason = f"{server} does not let {parts.username or 'this user'} in: {error}"
        case asyncpg.InvalidCatalogNameError():
            reason = f"{server} has no database {parts.path[1:]}; make it, and run `checkout migrate`"
        case OSError():
            reason = f"{server} cannot be reached: {error.strerror or error}"
        case _:
            reason = f"{server} gives no connection: {error or type(error).__name__}"
    return f"{reason} (CHECKOUT_DATABASE_URL)"


def _describe_tls(error: BaseException, url: str) -> str | None:
    """None where neither TLS nor a certificate is the reason."""
    with_certificate = "sslcert" in dict(parse_qsl(urlsplit(url).query))
    message = str(error) or type(error).__name__
    if (fault := tls_fault(error)) is not None:
        return f"PostgreSQL cannot be talked to: {_TLS_FAULTS[fault]} ({message})"
    match error:
        case asyncpg.InvalidPasswordError() if with_certificate:
            return (
                f"{message}: CHECKOUT_DATABASE_URL (for operators CHECKOUT_OPERATOR_DATABASE_URL) has another, or"
                " CHECKOUT_DATABASE_CERTIFICATE_FILE is of another user"
            )
        case asyncpg.InvalidAuthorizationSpecificationError() if "certificate" in message:
            return f"PostgreSQL refused it: {_TLS_FAULTS['certificate wanted']}, for the user of the URL ({message})"
        case asyncpg.InvalidAuthorizationSpecificationError() if "no encryption" in message:
            return f"PostgreSQL talks by TLS alone: CHECKOUT_DATABASE_SSLMODE=verify-full turns it on ({message})"
        case asyncpg.ConnectionDoesNotExistError() if with_certificate:
            return f"{message}; a server does this that does not trust who issued CHECKOUT_DATABASE_CERTIFICATE_FILE"
        case ConnectionError() if "rejected SSL upgrade" in message:
            return f"PostgreSQL cannot be talked to: {_TLS_FAULTS['no tls']} ({message})"
    return None
