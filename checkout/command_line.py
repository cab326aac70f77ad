"""The commands and their options; each imports what it runs only when it is called, so that `--help` and
the supervisor's children start quickly."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.settings import Settings
from operations.catalogue import app as catalogue_app
from operations.checks import checks
from operations.dead_letters import app as dead_letters_app
from operations.finding import find
from operations.forgetting import data_keys_app, forget
from operations.history import diff, history, show
from operations.rebuilding import app as rebuild_app
from operations.republishing import republish
from operations.schemas.command import schemas
from operations.settings import settings
from operations.status import status
from operations.validation import validate
from operations.verifying import publish_after, verify

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Partner checkout: baskets of partner organisations, event-sourced. Settings are CHECKOUT_* variables.",
)
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(rebuild_app, name="rebuild")
app.command()(settings)
app.command()(schemas)
app.command()(checks)
app.command()(validate)
app.command()(republish)
app.command()(status)
app.command()(find)
app.command()(show)
app.command()(history)
app.command()(diff)
app.command()(verify)
app.command()(publish_after)
app.command()(forget)
app.add_typer(data_keys_app, name="data-keys")

Data = Annotated[Path, typer.Option(help="Folder of the embedded parts, kept between runs.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout once all is ready.")]


class Scope(StrEnum):
    """What a token allows."""

    partner = "partner"
    operator = "operator"


class Part(StrEnum):
    """The workers by name."""

    publisher = "publisher"
    projector = "projector"
    catalogue = "catalogue"
    commands = "commands"
    expiry = "expiry"
    revalidator = "revalidator"
    sampler = "sampler"
    all = "all"


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the API; 0 takes a free one.")] = 8080,
    data: Data = Path(".checkout"),
    ephemeral: Annotated[
        bool, typer.Option(help="Keep nothing: a temporary folder, removed at the end.")
    ] = False,
    json: Json = False,
) -> None:
    """Starts everything: the API, all workers, and PostgreSQL and a broker where no setting names one."""
    from operations.up import UpOptions, run_up

    raise typer.Exit(asyncio.run(run_up(UpOptions(port=port, data=None if ephemeral else data, json=json))))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    console: Annotated[
        bool | None, typer.Option("--console/--no-console", help="Serve the operators' console, or not.")
    ] = None,
) -> None:
    """Serves the partner API, the operator API at /operations and, if it is wanted, the console at /console."""
    from checkout.serve import run_api

    _run(run_api(_settings(host=host, port=port, console=console)))


@app.command()
def work(
    part: Annotated[
        Part,
        typer.Argument(
            help="Which worker; `all` runs every one in this process (the revalidator and the sampler only if settings say so)."
        ),
    ],
    health_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
) -> None:
    """Runs a worker, with /health/live and /health/ready on its health port."""
    from checkout.work import run_workers

    _run(run_workers(_settings(health_port=health_port), part.value))


@app.command()
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
    from checkout.migrate import print_role_script, run_migrations

    if print_roles:
        print_role_script(role_prefix)
    else:
        _run(run_migrations(_settings(), json, role_prefix if roles else None))


@app.command()
def token(
    partner: Annotated[
        str | None,
        typer.Option(help="The partner organisation that the token speaks for; operators' need none."),
    ] = None,
    scope: Annotated[Scope, typer.Option(help="What the token allows.")] = Scope.partner,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 3600,
    subject: Annotated[
        str | None, typer.Option(help="Who bears it, as the audit record names operators.")
    ] = None,
) -> None:
    """Prints a bearer token of the local issuer, for the embedded service."""
    from adapters.identity.local_issuer import issue

    if partner is None and scope is Scope.partner:
        raise typer.BadParameter("a partner's token names an organisation", param_hint="--partner")
    typer.echo(
        issue(_settings(), partner=partner, scope=scope.value, ttl=timedelta(seconds=ttl), subject=subject)
    )


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option(help="Exit at the end, non-zero if anything was not as it should be.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the API; 0 takes a free one.")] = 8080,
) -> None:
    """Starts everything, plays the journeys of two partner organisations, and shows what happened."""
    from operations.demo import run_demo

    raise typer.Exit(asyncio.run(run_demo(once=once, port=port)))


def main() -> None:
    """Runs the command line."""
    app()


def _settings(**given: object) -> Settings:
    """Settings of the environment; what the command line gives goes before."""
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end; what stands in the way is said on stderr."""
    from domain.errors import CheckoutError

    try:
        if sys.platform == "win32":
            asyncio.run(work)
        else:
            import uvloop

            uvloop.run(work)
    except CheckoutError as error:
        typer.echo(f"checkout: {error}", err=True)
        raise typer.Exit(1) from error
