"""`checkout env`: how programs that are no commands of ours find the running service."""

from __future__ import annotations

import shlex
from pathlib import Path

from cli.output import echo, echo_json
from domain.shared.errors import CheckoutError


class ServiceNotRunning(CheckoutError):
    """No service of `checkout up` runs there."""


def print_environment(folder: Path, *, as_json: bool) -> None:
    """As `export` lines for a shell, or as one JSON object. Raises ServiceNotRunning."""
    from adapters.service_file import running_service, why_no_service

    service = running_service(folder)
    if service is None:
        raise ServiceNotRunning(why_no_service(folder))
    if as_json:
        echo_json(service.settings)
        return
    for name, value in service.settings.items():
        echo(f"export {name}={shlex.quote(value)}")
