"""The operators' console, as pages in a browser. Its library is imported only when the console is asked for."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from domain.shared.errors import CheckoutError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from adapters.container import Container


class ConsoleUnavailable(CheckoutError):
    """The console is wanted, and what it is built on is not installed."""


def console_available() -> bool:
    """Whether what it is built on is installed."""
    return find_spec("nicegui") is not None


def console_app(parts: Container, path: str, operator_api: dict[str, Any]) -> ASGIApp:
    """The console, whose pages are below `path`; at most one in a process. `operator_api` is the document that it
    shows. Raises ConsoleUnavailable."""
    if not console_available():
        raise ConsoleUnavailable(
            "the console needs NiceGUI, which is not installed; "
            "pip install 'partner-checkout[console]' brings it, --no-console serves without"
        )
    from api.console.app import create_console

    return create_console(parts, path, operator_api)
