"""What the server logs of the console's sockets: their addresses name the page that is open, which is enough to act
on it together with a session, and there is a line for each page."""

from __future__ import annotations

import logging

_SOCKETS = ('%s - "WebSocket', "connection open", "connection closed", "connection rejected")


class WebSocketLogFilter(logging.Filter):
    """Leaves out the lines that uvicorn writes of websockets that came and went; what went wrong stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or not str(record.msg).startswith(_SOCKETS)


def install_log_filters() -> None:
    logging.getLogger("uvicorn.error").addFilter(WebSocketLogFilter())
