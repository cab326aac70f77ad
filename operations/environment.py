"""`checkout env`: how programs that are no commands of ours find the running service."""

from __future__ import annotations

import shlex
from pathlib import Path

from domain.errors import CheckoutError
from operations.output import json_line, say


class NotRunning(CheckoutError):
    """No service of `checkout up` runs there."""


def print_environment(folder: Path, *, as_json: bool) -> None:
    """As `export` lines for a shell, or as one JSON object. Raises NotRunning."""
    from adapters.service_file import running_service, why_none

    service = running_service(folder)
    if service is None:
        raise NotRunning(why_none(folder))
    if as_json:
        json_line(service.settings)
        return
    for name, value in service.settings.items():
        say(f"export {name}={shlex.quote(value)}")
