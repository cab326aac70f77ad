"""`checkout env`: how programs that are no commands of ours find the running service."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import typer

from domain.errors import CheckoutError


class NotRunning(CheckoutError):
    """No service of `checkout up` runs there."""


def print_environment(folder: Path, *, as_json: bool) -> None:
    """As `export` lines for a shell, or as one JSON object. Raises NotRunning."""
    from adapters.service_file import running_service, why_none

    service = running_service(folder)
    if service is None:
        raise NotRunning(why_none(folder))
    if as_json:
        typer.echo(json.dumps(service.settings))
        return
    for name, value in service.settings.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
