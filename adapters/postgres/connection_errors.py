"""Why there is no connection to PostgreSQL, in words that name the setting and what to do."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import asyncpg


def describe_failed_connection(error: BaseException, url: str) -> str:
    """In words, without the password."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    where = f"PostgreSQL at {hosts or 'its default address'}"
    match error:
        case socket.gaierror():
            said = f"no host is called {hosts}"
        case ConnectionRefusedError():
            said = f"nothing listens where {where} should be; is it running?"
        case TimeoutError():
            said = f"{where} did not answer in time"
        case asyncpg.InvalidPasswordError():
            said = f"{where} does not take the password of {parts.username}"
        case asyncpg.InvalidAuthorizationSpecificationError():
            said = f"{where} does not let {parts.username or 'this user'} in: {error}"
        case asyncpg.InvalidCatalogNameError():
            said = f"{where} has no database {parts.path[1:]}; make it, and run `checkout migrate`"
        case OSError():
            said = f"{where} cannot be reached: {error.strerror or error}"
        case _:
            said = f"{where} gives no connection: {error or type(error).__name__}"
    return f"{said} (CHECKOUT_DATABASE_URL)"
