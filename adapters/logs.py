"""Logs: one JSON object a line on stderr. Characters that could mislead a reader are escaped.

Tokens, cookies, bodies and personal data are never logged. A token in a library's message is struck out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor

from domain.shared.printable import printable_json

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*\.?[A-Za-z0-9_\-]*")
_BEFORE: tuple[Processor, ...] = (
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


class _Stderr(logging.Handler):
    """Writes to the current stderr, as structlog's loggers here do."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201


class _NamedLogger(structlog.PrintLogger):
    """Writes lines, and knows its name."""

    def __init__(self, name: str | None) -> None:
        super().__init__(sys.stderr)
        self.name = name


class _NamedLoggers:
    def __call__(self, *args: Any) -> _NamedLogger:
        return _NamedLogger(args[0] if args else None)


def _name_logger(logger: Any, _: str, event: EventDict) -> EventDict:
    name = getattr(logger, "name", None)
    if name is not None:
        event["logger"] = name
    return event


def _line(_: Any, __: str, event: EventDict) -> str:
    try:
        line = to_json(event, fallback=repr, inf_nan_mode="strings").decode()
    except PydanticSerializationError:  # half a surrogate pair, as in a file's name
        line = json.dumps(event, default=repr)
    line = printable_json(line)
    return _TOKEN.sub("<token>", line) if "eyJ" in line else line
