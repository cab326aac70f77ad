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

    Commands of `checkout` in its folder need none of them. CHECKOUT_URL, the address of the API, is for other programs:
    it is no setting of the service.
    """
    from adapters.service_file import running_service, why_no_service
    from adapters.settings_reader import API_URL_VARIABLE

    folder = load_settings().data
    service = running_service(folder)
    if service is None:
        raise ServiceNotRunning(why_no_service(folder))
    variables = {API_URL_VARIABLE: service.url, **service.settings}
    if json:
        echo_json(variables)
        return
    for name, value in variables.items():
        echo(f"export {name}={shlex.quote(value)}")
