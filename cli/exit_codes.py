"""Runs the command line: here stands what is said of each thing that stands in the way, and with which exit code
it ends. People never see a traceback unless they ask for it."""

from __future__ import annotations

import codecs
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from cli.output import echo_error, echo_page
from domain.shared.errors import BrokerUnavailable, CheckoutError
from domain.shared.printable import printable

NOT_DONE = 1
NO_ANSWER = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130

QUESTIONS = frozenset({"status", "validate", "verify"})
"""Commands whose code 1 is the answer no, so that another says that there is no answer."""

_CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
NOT_WRITTEN = "what it says cannot be written"

DEBUG = "CHECKOUT_DEBUG"
"""Set, and not empty: unexpected errors are shown with their traceback. `--debug` sets it."""


class RootCommand(TyperGroup):
    """The root of all commands."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, typer.Abort):
                raise typer.Exit(_unanswered(error)) from error
            words = error_message(error)
            if words is None:
                _make_harmless(error)
                raise
            echo_error(words)
            code = NO_ANSWER if ctx.invoked_subcommand in QUESTIONS else NOT_DONE
            raise typer.Exit(code) from error

    def make_context(self, *given: Any, **named: Any) -> Any:
        try:
            return super().make_context(*given, **named)
        except Exception as error:
            _make_harmless(error)
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`checkout help COMMAND` is `checkout COMMAND --help`."""
        if args[0] == "help" and len(args) > 1:
            args = [*args[1:], "--help"]
        elif args[0] == "help":
            echo_page(ctx.get_help())
            raise typer.Exit
        return super().resolve_command(ctx, args)


def _make_harmless(error: Exception) -> None:
    """What the error quotes of a wrong command line is to be shown, and never to be obeyed by a terminal."""
    message = getattr(error, "message", None)
    if isinstance(message, str):
        error.message = printable(message)  # type: ignore[attr-defined]  # of the command line's own errors


def _unanswered(error: typer.Abort) -> int:
    """A question was answered by Ctrl-C, or there is nobody who could answer it."""
    if isinstance(error.__context__, KeyboardInterrupt):
        return INTERRUPTED
    echo_error("nobody answers here; an option such as --reason or --yes does (--help)")
    return NOT_DONE


def error_message(error: BaseException) -> str | None:
    """What people are told of an error that they can do something about; None: it is a fault of ours."""
    if isinstance(error, BrokenPipeError):
        return None
    if isinstance(error, BrokerUnavailable) and "CHECKOUT_" not in str(error):
        return f"{error} (CHECKOUT_KAFKA_BOOTSTRAP_SERVERS says where)"
    if isinstance(error, CheckoutError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _CANNOT_BE_WRITTEN:
        return f"{NOT_WRITTEN}: {error.strerror}"
    return _words_of_driver(error) or (_words_of_driver(error.__cause__) if error.__cause__ else None)


def _words_of_driver(error: BaseException) -> str | None:
    """By what PostgreSQL's driver says of its errors: to import it would make every command slow."""
    if type(error).__name__ == "ClientConfigurationError":
        return f"CHECKOUT_DATABASE_URL cannot be used: {error}"
    match getattr(error, "sqlstate", None):
        case "42P01" | "42703" | "42883":
            return f"the database has not the schema of this release: run `checkout migrate` ({error})"
        case "42501":
            return f"the user of CHECKOUT_DATABASE_URL may not do that: {error}"
        case _:
            return None


def use_data(folder: Path | None) -> None:
    """Makes this process, and those it starts, use the service of this folder."""
    if folder is not None:
        os.environ["CHECKOUT_DATA"] = str(folder.absolute())


def use_debug(wanted: bool) -> None:
    """Makes this process, and those it starts, show tracebacks of unexpected errors."""
    if wanted:
        os.environ[DEBUG] = "1"


def run_command_line() -> int:
    """The exit code."""
    make_streams_safe()
    from cli.commands import app

    return exit_code_of(app)


def exit_code_of(command: Callable[[], object]) -> int:
    """What the command ends with; what it did not expect is said in one line on stderr."""
    try:
        command()
        code: int | None = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else NOT_DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = NOT_DONE
    except Exception as error:  # noqa: BLE001  (people are told in a line, whatever it was)
        code = _fault(error)
    # Whoever presses Ctrl-C now only hurries what ends anyway.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _flushed(code or 0)


def _fault(error: Exception) -> int:
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    words = " ".join(f"{type(error).__name__}: {error}".split())
    more = "" if os.environ.get(DEBUG) else " (`checkout --debug …` shows where)"
    echo_error(f"this is a fault of ours: {words}{more}")
    return INTERNAL_ERROR


def _flushed(code: int) -> int:
    """The exit code once all is written: a reader may have gone, or the disk be full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            # What is left in the buffer would be tried again, and fail, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not isinstance(error, BrokenPipeError) and code == 0:
                echo_error(f"{NOT_WRITTEN}: {error.strerror}")
            code = code or NOT_DONE
    return code


def make_streams_safe() -> None:
    """Gives the process the three streams that every program expects, where a caller closed them, and lets them
    write any text: what a terminal's encoding lacks is written as JSON writes it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    codecs.register_error("checkout", _as_json_escapes)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="checkout")


def _as_json_escapes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  (nothing is decoded by it)
    text = error.object[error.start : error.end]
    units = text.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end
