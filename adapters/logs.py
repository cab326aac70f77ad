"""Logs: one JSON object a line on stderr. Characters that could mislead a reader are escaped.

Tokens, cookies, bodies and personal data are never logged. A token in a library's message is struck out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from time import time
from typing import Any, Protocol

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor

from domain.shared.printable import printable_json

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*\.?[A-Za-z0-9_\-]*")


class LogContext(Protocol):
    """What a task works on."""

    def log_fields(self) -> Mapping[str, str]:
        """What all its lines say."""


_context: ContextVar[LogContext | None] = ContextVar("log_context", default=None)


def set_log_context(context: LogContext) -> None:
    """For this task. The fields are asked for once there is a line to write, because most requests write none."""
    _context.set(context)


def _merge_context(_: Any, __: str, event: EventDict) -> EventDict:
    context = _context.get()
    if context is not None:
        for name, value in context.log_fields().items():
            event.setdefault(name, value)
    return event


_BEFORE: tuple[Processor, ...] = (
    _merge_context,
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
_AFTER: tuple[Processor, ...] = (
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
)
_FOREIGN_LEVELS = {"httpx": "WARNING", "httpcore": "WARNING", "asyncio": "WARNING", "aiokafka": "WARNING"}
_SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def configure_logging(level: str = "INFO") -> None:
    """Sends the logs of structlog and of the standard library to stderr. May be called again."""
    structlog.configure(
        processors=[*_BEFORE, _name_logger, *_AFTER, _line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_NamedLoggers(),
        cache_logger_on_first_use=False,
    )
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_BEFORE, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_AFTER, _line],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, quiet in _FOREIGN_LEVELS.items():
        logging.getLogger(name).setLevel(quiet)
    for name in _SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    # The API writes its own access line, which knows the basket and the organisation.
    logging.getLogger("uvicorn.access").disabled = True


def log_request(
    level: int,
    *,
    trace: str,
    method: str,
    route: str,
    status: int,
    seconds: float,
    basket: str | None,
    organisation: str | None,
) -> None:
    """Writes the line of one request, as structlog's logger `api` would. Every request has one, so most of it is
    prepared: that takes a quarter of the time."""
    if not logging.root.isEnabledFor(level):
        return
    line = (
        f"{_request_head(method, route, status)}{round(seconds * 1000, 2)},"
        f'"basket":{encode_basestring_ascii(basket) if basket else "null"},'
        f'"organisation":{_json_text(organisation)},"event":"request","trace":{encode_basestring_ascii(trace)},'
        f'"level":"{_level_name(level)}","timestamp":"{_timestamp()}","logger":"api"}}'
    )
    _write(_strike_tokens(line))


@lru_cache(maxsize=1_000)
def _request_head(method: str, route: str, status: int) -> str:
    return f'{{"method":{_json(method)},"route":{_json(route)},"status":{status},"duration_ms":'


@cache
def _level_name(level: int) -> str:
    return logging.getLevelName(level).lower()


def _timestamp() -> str:
    now = time()
    second = int(now)
    return f"{_second_text(second)}.{int((now - second) * 1_000_000):06d}Z"


@lru_cache(maxsize=1)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _write(line: str) -> None:
    """Writes to the current stderr, in one piece. It flushes at the end of each line."""
    sys.stderr.write(line + "\n")


class _Stderr(logging.Handler):
    """Writes as structlog's loggers here do."""

    def emit(self, record: logging.LogRecord) -> None:
        _write(self.format(record))


class _NamedLogger:
    """Writes lines, and knows its name."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def msg(self, line: str) -> None:
        _write(line)

    debug = info = warning = error = critical = msg


class _NamedLoggers:
    def __call__(self, *args: Any) -> _NamedLogger:
        return _NamedLogger(args[0] if args else None)


def _name_logger(logger: Any, _: str, event: EventDict) -> EventDict:
    name = getattr(logger, "name", None)
    if name is not None:
        event["logger"] = name
    return event


def _line(_: Any, __: str, event: EventDict) -> str:
    return _strike_tokens(_json(event))


@lru_cache(maxsize=10_000)
def _json_text(text: str | None) -> str:
    return _json(text)


def _json(value: object) -> str:
    try:
        text = to_json(value, fallback=repr, inf_nan_mode="strings").decode()
    except PydanticSerializationError:  # half a surrogate pair, as in a file's name
        text = json.dumps(value, default=repr)
    return printable_json(text)


def _strike_tokens(line: str) -> str:
    return _TOKEN.sub("<token>", line) if "eyJ" in line else line
