"""The root of the command line: turns each error into a message and an exit code.

People see a traceback only if they ask for one.
"""

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
from cli.runner import INTERNAL_ERROR, INTERRUPTED, NO_ANSWER, NOT_DONE
from cli.signals import Interrupted
from domain.shared.errors import BrokerUnavailable, CheckoutError
from domain.shared.printable import printable

QUESTIONS = frozenset({"conformance", "promise", "status", "validate", "verify"})
"""Commands whose exit code 1 means no. Where they find no answer they exit with NO_ANSWER."""

_WRITE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
NOT_WRITTEN = "what it says cannot be written"

DEBUG = "CHECKOUT_DEBUG"
"""Set, and not empty: unexpected errors are shown with their traceback. `--debug` sets it."""


class RootCommand(TyperGroup):
    """The group of all commands."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Interrupted as error:
            raise typer.Exit(INTERRUPTED) from error
        except typer.Abort as error:
            raise typer.Exit(_unanswered(error)) from error
        except Exception as error:
            message = error_message(error)
            if message is None:
                _escape_message(error)
                raise
            echo_error(message)
            code = NO_ANSWER if ctx.invoked_subcommand in QUESTIONS else NOT_DONE
            raise typer.Exit(code) from error

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().make_context(*args, **kwargs)
        except Exception as error:
            _escape_message(error)
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`checkout help COMMAND` is `checkout COMMAND --help`."""
        if args[0] == "help" and len(args) > 1:
            args = [*args[1:], "--help"]
        elif args[0] == "help":
            echo_page(ctx.get_help())
            raise typer.Exit
        return super().resolve_command(ctx, args)


def _escape_message(error: Exception) -> None:
    """A wrong command line is quoted in its error: its control characters must not reach the terminal."""
    message = getattr(error, "message", None)
    if isinstance(message, str):
        error.message = printable(message)  # type: ignore[attr-defined]  # of the command line's own errors


def _unanswered(error: typer.Abort) -> int:
    """The exit code where Ctrl-C answered a question, or nobody can answer it."""
    if isinstance(error.__context__, KeyboardInterrupt):
        return INTERRUPTED
    echo_error("nobody answers here; an option such as --reason or --yes does (--help)")
    return NOT_DONE


def error_message(error: BaseException) -> str | None:
    """The message of an error that people can do something about; None for a fault of this program."""
    if isinstance(error, BrokenPipeError):
        return None
    if isinstance(error, BrokerUnavailable) and "CHECKOUT_" not in str(error):
        return f"{error} (CHECKOUT_KAFKA_BOOTSTRAP_SERVERS says where)"
    if isinstance(error, CheckoutError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _WRITE_ERRORS:
        return f"{NOT_WRITTEN}: {error.strerror}"
    return _driver_message(error) or (_driver_message(error.__cause__) if error.__cause__ else None)


def _driver_message(error: BaseException) -> str | None:
    """Knows the errors of PostgreSQL's driver by name: importing the driver would slow every command."""
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
    """Makes this process and its children use the service of this folder."""
    if folder is not None:
        os.environ["CHECKOUT_DATA"] = str(folder.absolute())


def use_debug(wanted: bool) -> None:
    """Makes this process and its children show tracebacks of unexpected errors."""
    if wanted:
        os.environ[DEBUG] = "1"


def exit_code_of(command: Callable[[], object]) -> int:
    """Runs the command and returns its exit code. Prints an unexpected error in one line on stderr."""
    try:
        command()
        code: int | None = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else NOT_DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = NOT_DONE
    except Exception as error:  # noqa: BLE001  (people get one line, whatever it was)
        code = _internal_error(error)
    # The process is ending: one more Ctrl-C must not disturb that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _flush(code or 0)


def _internal_error(error: Exception) -> int:
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    message = " ".join(f"{type(error).__name__}: {error}".split())
    hint = "" if os.environ.get(DEBUG) else " (`checkout --debug …` shows where)"
    echo_error(f"this is a fault of ours: {message}{hint}")
    return INTERNAL_ERROR


def _flush(code: int) -> int:
    """Flushes stdout and stderr and returns the exit code: a reader may be gone, or the disk full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            # Python would flush the rest of the buffer again at its end, and fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not isinstance(error, BrokenPipeError) and code == 0:
                echo_error(f"{NOT_WRITTEN}: {error.strerror}")
            code = code or NOT_DONE
    return code


def make_streams_safe() -> None:
    """Opens the standard streams that a caller closed, and lets stdout and stderr write any text.

    A character that the terminal's encoding lacks is written as a JSON escape.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
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
