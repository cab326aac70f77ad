"""`checkout env`: how other programs find the running service."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from cli.output import echo, echo_json
from cli.runner import load_settings
from domain.shared.errors import CheckoutError


class ServiceNotRunning(CheckoutError):
    """No service of `checkout up` runs in the data folder."""


def env(
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Prints the settings by which a program finds the service of `checkout up`, for a shell.

    Commands of `checkout` in its folder need none of them.
    """
    from adapters.service_file import running_service, why_no_service

    folder = load_settings().data
    service = running_service(folder)
    if service is None:
        raise ServiceNotRunning(why_no_service(folder))
    if json:
        echo_json(service.settings)
        return
    for name, value in service.settings.items():
        echo(f"export {name}={shlex.quote(value)}")
