"""The operators' console: pages in a browser. Its library is imported only where the console is served."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from domain.shared.errors import CheckoutError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from adapters.container import Container


class ConsoleUnavailable(CheckoutError):
    """The console is wanted, and its library is not installed."""


def console_available() -> bool:
    """Whether the console's library is installed."""
    return find_spec("nicegui") is not None


def console_app(container: Container, path: str, operator_api: dict[str, Any]) -> ASGIApp:
    """The console with its pages below `path`; at most one in a process. It shows the document `operator_api`.

    Raises ConsoleUnavailable.
    """
    if not console_available():
        raise ConsoleUnavailable(
            "the console needs NiceGUI, which is not installed; "
            "pip install 'partner-checkout[console]' brings it, --no-console serves without"
        )
    from api.console.app import create_console

    return create_console(container, path, operator_api)
