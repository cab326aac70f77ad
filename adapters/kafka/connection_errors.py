"""TLS to brokers; and why one does not let us in, in words that name the setting."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from adapters.settings import InvalidSetting, Settings
from adapters.tls import (
    TlsFault,
    check_ca_file,
    check_certificate_files,
    tls_fault,
)

PROBE_TIMEOUT_SECONDS = 3.0
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


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """What brokers are trusted by, and what they are shown. Raises InvalidSetting for files that cannot be used."""
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


async def describe_refusal(error: Exception, host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """Which setting has to be another where a broker and we do not agree on TLS or on who signs in; None where that is
    not why. `error` is what a connection with these options ended in."""
    if isinstance(
        error, SaslAuthenticationFailed | AuthenticationFailedError | UnsupportedSaslMechanismError
    ):
        return f"the broker does not let us sign in: {_SASL} of a user there ({error})"
    fault = tls_fault(error)
    why = _FAULTS[fault] if fault else await _asked_by_tls(host, port, options)
    return f"{why} ({error or type(error).__name__})" if why else None


async def _asked_by_tls(host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """What is wrong with a broker that ends a connection: it may talk by TLS where we do not, or want a certificate,
    and tells that only to one who listens after the handshake."""
    mine: ssl.SSLContext | None = options.get("ssl_context")
    # Nothing is sent to whom this trusts.
    context = mine or ssl._create_unverified_context()  # noqa: S323, SLF001
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
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
