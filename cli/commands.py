"""The commands and their options; each imports what it runs only when it is called, so that `--help` and
the supervisor's children start quickly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.catalogue import app as catalogue_app
from cli.checks import checks
from cli.data_keys import app as data_keys_app
from cli.dead_letters import app as dead_letters_app
from cli.diff import diff
from cli.find import find
from cli.forget import forget
from cli.history import history
from cli.output import echo
from cli.publish_after import publish_after
from cli.rebuild import app as rebuild_app
from cli.republish import republish
from cli.root_command import RootCommand, use_data, use_debug
from cli.runner import load_settings, run_async
from cli.schemas.command import schemas
from cli.settings import settings
from cli.show import show
from cli.status import status
from cli.validate import validate
from cli.verify import verify

if TYPE_CHECKING:
    from adapters.settings import Settings

RUN, INSPECT, REPAIR = "Run", "Look", "Mend"
CATALOGUE, PERSONAL_DATA, DEVELOP = "Catalogue", "Personal data", "Develop"

app = typer.Typer(cls=RootCommand, no_args_is_help=True, pretty_exceptions_enable=False)

MAX_TOKEN_SECONDS = 10 * 365 * 24 * 3600

Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout once all is ready.")]


class TokenScope(StrEnum):
    """What a token allows."""

    partner = "partner"
    operator = "operator"


class WorkerName(StrEnum):
    """The workers by name."""

    publisher = "publisher"
    projector = "projector"
    catalogue = "catalogue"
    commands = "commands"
    expiry = "expiry"
    revalidator = "revalidator"
    sampler = "sampler"
    all = "all"


def _print_version(wanted: bool) -> None:
    if wanted:
        from cli.version import version_lines

        for line in version_lines():
            echo(line)
        raise typer.Exit


@app.callback(
    epilog="`checkout COMMAND --help` shows examples. Settings are CHECKOUT_* variables: `checkout settings`."
)
def checkout(
    data: Annotated[
        Path | None,
        typer.Option(
            callback=use_data,
            help="Folder of the `checkout up` whose service is meant, where no setting names another.",
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


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the API; 0 takes a free one.")] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the embedded parts, kept between runs; unset: .checkout."),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option(help="Keep nothing: a temporary folder, removed at the end.")
    ] = False,
    json: Json = False,
) -> None:
    """Starts everything: the API, all workers, and PostgreSQL and a broker where no setting names one.

    Commands in the same folder find it by themselves; elsewhere `checkout --data DIR …` does.
    """
    from cli.up.run import UpOptions, run_up

    given = load_settings(running=False)
    folder = None if ephemeral else data or given.data
    raise typer.Exit(run_async(run_up(UpOptions(given, port=port, data=folder, json=json))))


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    console: Annotated[
        bool | None, typer.Option("--console/--no-console", help="Serve the operators' console, or not.")
    ] = None,
) -> None:
    """Serves the partner API, the operator API at /operations and, if it is wanted, the console at /console."""
    from cli.serve import run_api

    _serve(run_api, host=host, port=port, console=console)


def work(
    part: Annotated[
        WorkerName,
        typer.Argument(
            help="Which worker; `all` runs every one in this process (the revalidator and the sampler only if settings say so)."
        ),
    ],
    health_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
) -> None:
    """Runs a worker, with /health/live and /health/ready on its health port."""
    from cli.work import run_workers

    _serve(partial(run_workers, name=part.value), health_port=health_port)


def migrate(
    json: Json = False,
    roles: Annotated[
        bool, typer.Option("--roles", help="First make the database roles, and give them what is there.")
    ] = False,
    print_roles: Annotated[
        bool,
        typer.Option("--print-roles", help="Print the SQL that makes the roles, for psql, and do nothing."),
    ] = False,
    role_prefix: Annotated[
        str, typer.Option(help="Of the roles' names: PREFIX_owner, _api, _worker and _operator.")
    ] = "checkout",
) -> None:
    """Brings the database's schema up to date and makes the missing Kafka topics.

    In a database with roles each gets its rights anew. docs/operations/database-roles.md says which.
    """
    from cli.migrate import print_role_script, run_migrations

    if print_roles:
        print_role_script(role_prefix)
    else:
        run_async(run_migrations(load_settings(), json, role_prefix if roles else None))


def token(
    partner: Annotated[
        str | None,
        typer.Option(help="The partner organisation that the token speaks for; operators' need none."),
    ] = None,
    scope: Annotated[TokenScope, typer.Option(help="What the token allows.")] = TokenScope.partner,
    ttl: Annotated[int, typer.Option(min=1, max=MAX_TOKEN_SECONDS, help="Seconds until it expires.")] = 3600,
    subject: Annotated[
        str | None, typer.Option(help="Who bears it, as the audit record names operators.")
    ] = None,
) -> None:
    """Prints a bearer token of the local issuer, for the embedded service."""
    from datetime import timedelta

    from adapters.auth.local_issuer import issue_token

    if partner is None and scope is TokenScope.partner:
        raise typer.BadParameter("a partner's token names an organisation", param_hint="--partner")
    known = load_settings()
    if ttl > known.jwt_longest_life:
        raise typer.BadParameter(
            f"a token that lives longer than CHECKOUT_JWT_LONGEST_LIFE ({known.jwt_longest_life:.0f} s) is refused",
            param_hint="--ttl",
        )
    echo(issue_token(known, partner=partner, scope=scope.value, ttl=timedelta(seconds=ttl), subject=subject))


def demo(
    once: Annotated[
        bool, typer.Option(help="Exit at the end, non-zero if anything was not as it should be.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the API; 0 takes a free one.")] = 8080,
) -> None:
    """Starts everything, plays the journeys of two partner organisations, and shows what happened."""
    from cli.demo import run_demo

    raise typer.Exit(run_async(run_demo(once=once, port=port)))


def env(
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Prints the settings by which a program finds the service of `checkout up`, as a shell reads them.

    Commands in its folder need none of it.
    """
    from cli.env import print_environment

    print_environment(load_settings().data, as_json=json)


def _serve(work: Callable[[Settings], Coroutine[Any, Any, None]], **given: str | int | None) -> None:
    """Runs what stays, on the fastest loop there is, by settings of which those that are given and not None go
    before; it logs as they say."""
    import sys

    import structlog

    from adapters.logs import configure_logging
    from adapters.settings_reader import read_settings, unknown_settings

    settings = read_settings({name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level)
    for words in unknown_settings():
        structlog.get_logger("checkout.settings").warning(words)
    if sys.platform == "win32":
        import asyncio

        asyncio.run(work(settings))
    else:
        import uvloop

        uvloop.run(work(settings))


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
    (CATALOGUE, catalogue_app, "catalogue", ""),
    (PERSONAL_DATA, forget, "forget", 'checkout forget --subject person-7 --reason "asked for"'),
    (PERSONAL_DATA, data_keys_app, "data-keys", ""),
    (DEVELOP, token, "token", "checkout token --partner store-367 --ttl 600"),
    (DEVELOP, env, "env", "eval $(checkout env)"),
    (DEVELOP, settings, "settings", "checkout settings --markdown"),
    (DEVELOP, checks, "checks", "checkout checks"),
    (DEVELOP, schemas, "schemas", "checkout schemas --check"),
)
"""Every command: its group in the help, what it runs, its name, and an example."""

for _panel, _command, _name, _example in _COMMANDS:
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, rich_help_panel=_panel)
    else:
        app.command(_name, rich_help_panel=_panel, epilog=f"Example: {_example}")(_command)
