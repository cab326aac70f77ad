"""Keeps page addresses out of the server's log.

The address of a websocket names an open page. With a session it would be enough to act on that page.
"""

from __future__ import annotations

import logging

_WEBSOCKET_LINES = ('%s - "WebSocket', "connection open", "connection closed", "connection rejected")


class WebSocketLogFilter(logging.Filter):
    """Drops the lines of uvicorn about opened and closed websockets. Warnings and errors stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or not str(record.msg).startswith(_WEBSOCKET_LINES)


def install_log_filters() -> None:
    logging.getLogger("uvicorn.error").addFilter(WebSocketLogFilter())
