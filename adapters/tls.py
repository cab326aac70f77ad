"""Says what is wrong when TLS fails, with PostgreSQL and Kafka alike, and checks certificate files."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

from adapters.settings import InvalidSetting

TlsFault = Literal["untrusted", "other host", "not valid now", "certificate wanted", "certificate refused", "no tls"]

# X509_V_ERR codes of OpenSSL.
_WRONG_HOST = frozenset({62, 63, 64})
_WRONG_TIME = frozenset({9, 10})

# Reasons of OpenSSL, most of them alerts of the other side. A server that wants a certificate and gets none may only
# say that the handshake failed.
_REASONS: dict[str, TlsFault] = {
    "WRONG_VERSION_NUMBER": "no tls",
    "RECORD_LAYER_FAILURE": "no tls",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "certificate wanted",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "certificate wanted",
    "SSLV3_ALERT_BAD_CERTIFICATE": "certificate refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "certificate refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "certificate refused",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "certificate refused",
    "TLSV1_ALERT_UNKNOWN_CA": "certificate refused",
}


def tls_fault(error: BaseException) -> TlsFault | None:
    """None where TLS is not the reason, or the reason is not known."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_HOST:
            return "other host"
        return "not valid now" if error.verify_code in _WRONG_TIME else "untrusted"
    if isinstance(error, ssl.SSLError):
        return _REASONS.get((error.reason or "").upper().replace(" ", "_"))
    return None


def check_ca_file(file: Path, named_by: str) -> None:
    """Raises InvalidSetting where the file holds no certificates to trust."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{named_by} names {file}: {_reason(error, 'no certificates in PEM')}") from error


def check_certificate_files(certificate: Path, key: Path | None, password: str | None, named_by: str) -> None:
    """Raises InvalidSetting where these are not a certificate and its key."""
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, lambda: password or "")
    except (OSError, ValueError) as error:
        files = f"{certificate} and {key}" if key else str(certificate)
        reason = _reason(error, "not a certificate and its private key in PEM")
        raise InvalidSetting(f"{named_by} name {files}: {reason}") from error


def _reason(error: Exception, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        return {
            "KEY_VALUES_MISMATCH": "the key is not that of the certificate",
            "BAD_DECRYPT": "the key's password is wrong or missing",
        }.get(error.reason or "", otherwise)
    return (error.strerror if isinstance(error, OSError) else None) or otherwise
