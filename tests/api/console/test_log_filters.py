"""What is logged of the console's sockets."""

from __future__ import annotations

import logging

import pytest

from api.console.log_filters import WebSocketLogFilter


@pytest.mark.parametrize(
    ("level", "message", "kept"),
    [
        (logging.INFO, '%s - "WebSocket %s" [accepted]', False),
        (logging.INFO, "connection open", False),
        (logging.INFO, "connection closed", False),
        (logging.INFO, "Application startup complete.", True),
        (logging.ERROR, "connection closed too early", True),
    ],
)
def test_opened_and_closed_websockets_are_not_logged(level: int, message: str, kept: bool) -> None:
    record = logging.LogRecord("uvicorn.error", level, "", 0, message, ("127.0.0.1", "/?client_id=1"), None)
    assert WebSocketLogFilter().filter(record) is kept
