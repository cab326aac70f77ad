"""What one caller may cost the server before anything is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.settings import Settings


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Sizes are in bytes, times in seconds. `docs/settings.md` says what each one limits."""

    header_bytes: int
    header_count: int
    request_line_bytes: int
    url_bytes: int
    body_bytes: int
    headers_timeout: float
    body_timeout: float
    idle_timeout: float
    send_timeout: float
    connections: int
    connections_per_client: int | None

    @classmethod
    def of(cls, settings: Settings) -> HttpLimits:
        return cls(
            header_bytes=settings.http_max_header_bytes,
            header_count=settings.http_max_headers,
            request_line_bytes=settings.http_max_request_line_bytes,
            url_bytes=settings.http_max_url_bytes,
            body_bytes=settings.max_body_bytes,
            headers_timeout=settings.http_headers_timeout,
            body_timeout=settings.http_body_timeout,
            idle_timeout=settings.http_idle_timeout,
            send_timeout=settings.http_send_timeout,
            connections=settings.http_max_connections,
            connections_per_client=settings.http_max_connections_per_client,
        )
