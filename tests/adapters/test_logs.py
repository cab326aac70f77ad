"""Logs are JSON lines on stderr that tell no secret."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from adapters.logs import configure_logging, log_request, set_log_context
from tests.domain.shared.test_printable import HOSTILE, misleads

Lines = Callable[[], list[dict[str, Any]]]
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging("INFO")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers = handlers
    root.setLevel(level)


def test_a_log_line_has_time_level_logger_and_event(lines: Lines) -> None:
    structlog.get_logger("publisher").info("published", events=3)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "published", "events": 3, "level": "info", "logger": "publisher"}


def test_log_lines_have_the_context_of_their_task(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(basket="basket-1", organisation="shop", trace="abc"):
        structlog.get_logger("api").info("one")
        logging.getLogger("library").warning("two")
    for line in lines():
        assert (line["basket"], line["organisation"], line["trace"]) == ("basket-1", "shop", "abc")


class Working:
    def __init__(self, **fields: str) -> None:
        self.fields = fields

    def log_fields(self) -> dict[str, str]:
        return self.fields


def test_log_lines_say_what_their_task_works_on_by_then(lines: Lines) -> None:
    def work() -> None:
        working = Working(trace="abc")
        set_log_context(working)
        structlog.get_logger("api").info("one")
        working.fields["basket"] = "basket-1"
        logging.getLogger("library").warning("two")

    contextvars.copy_context().run(work)
    structlog.get_logger("api").info("three")
    one, two, three = lines()
    assert (one["trace"], "basket" in one) == ("abc", False)
    assert (two["trace"], two["basket"]) == ("abc", "basket-1")
    assert "trace" not in three


@pytest.mark.parametrize("text", [*HOSTILE, "shop", "Käse-Ω", TOKEN, '"quoted\\', "half \ud800"])
def test_a_requests_line_is_what_a_logger_would_write(text: str, lines: Lines) -> None:
    said: dict[str, Any] = {"method": text, "route": text, "status": 200, "basket": "basket-1", "organisation": text}
    log_request(logging.INFO, trace="abc", seconds=0.0123456, **said)
    structlog.get_logger("api").info("request", **said, duration_ms=12.35, trace="abc")
    prepared, usual = lines()
    assert datetime.fromisoformat(usual.pop("timestamp")) >= datetime.fromisoformat(prepared.pop("timestamp"))
    assert prepared == usual


def test_a_request_without_a_basket_has_a_line_too(lines: Lines) -> None:
    said: dict[str, Any] = {"method": "GET", "route": "none", "status": 401, "basket": None, "organisation": None}
    log_request(logging.INFO, trace="abc", seconds=0.1, **said)
    log_request(logging.DEBUG, trace="abc", seconds=0.1, **said)
    (line,) = lines()
    assert (line["basket"], line["organisation"], line["level"]) == (None, None, "info")


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "alembic"])
def test_the_standard_librarys_loggers_write_the_same_lines(lines: Lines, name: str) -> None:
    logging.getLogger(name).info("started on %s", 8080)
    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("started on 8080", name, "info")


def test_the_servers_own_access_log_is_off(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info("GET /")
    assert lines() == []


def test_lines_below_the_level_are_dropped(lines: Lines) -> None:
    structlog.get_logger("api").debug("detail")
    logging.getLogger("library").debug("detail")
    assert lines() == []


def test_a_token_in_a_message_is_removed(lines: Lines) -> None:
    structlog.get_logger("api").info("sent", header=f"Bearer {TOKEN}")
    logging.getLogger("library").warning("refused %s", TOKEN)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        structlog.get_logger("api").exception("failed")
    written = lines()
    assert len(written) == 3
    assert "eyJ" not in json.dumps(written)
    assert written[0]["header"] == "Bearer <token>"


def test_a_traceback_has_no_values_of_variables(lines: Lines) -> None:
    secret = "jane@example.org"
    try:
        raise RuntimeError(len(secret))
    except RuntimeError:
        structlog.get_logger("api").exception("failed")
    (line,) = lines()
    assert "RuntimeError: 16" in line["exception"]
    assert "jane" not in line["exception"].replace('secret = "jane@example.org"', "")


def test_a_value_that_is_no_json_is_logged_by_its_repr(lines: Lines) -> None:
    structlog.get_logger("api").info("odd", value=object, number=float("nan"))
    (line,) = lines()
    assert line["number"] == "NaN"
    assert "object" in line["value"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_foreign_text_is_logged_completely_and_obeyed_by_no_terminal(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO")
    structlog.get_logger("commands").warning(text, basket=text, more={text: [text]})
    logging.getLogger("some.library").warning("it said %s", text)
    written = capsys.readouterr().err
    assert not any(misleads(character) for character in written.replace("\n", ""))
    ours, theirs = [json.loads(line) for line in written.splitlines()]
    assert (ours["event"], ours["basket"], ours["more"]) == (text, text, {text: [text]})
    assert theirs["event"] == f"it said {text}"
