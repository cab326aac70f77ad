"""The options of `checkout rebuild`."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, operator_from_options, timestamp_option
from cli.output import Output, Wide, echo, echo_error, echo_json
from cli.runner import INTERRUPTED, NOT_DONE, run_interruptible, run_with_container

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.audit import Operator
    from domain.operators.rebuild import Rebuild, RebuildScope, RebuildTarget

app = typer.Typer(
    no_args_is_help=True,
    help="Builds read models again from events or facts, while the service runs.",
)

Reason = Annotated[str | None, typer.Option(help="Why it is done; it is recorded with the action.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would differ, and change nothing.")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the rebuild that was stopped or killed.")]
RollBack = Annotated[bool, typer.Option("--roll-back", help="Make the kept old tables the live ones.")]
Abandon = Annotated[bool, typer.Option("--abandon", help="Give up the rebuild that was stopped, and drop its tables.")]
DropKept = Annotated[bool, typer.Option("--drop-kept", help="Drop the kept old tables.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that build; unset: one for each processor.")
]
Rate = Annotated[float | None, typer.Option(min=1, help="At most so many events a second.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")]


@app.command("basket-views", epilog='Example: checkout rebuild basket-views --reason "a new column"')
def basket_views(
    partner: Annotated[str | None, typer.Option(help="Repair only baskets of this organisation, in place.")] = None,
    basket: Annotated[
        list[str] | None, typer.Option(help="Repair only this basket, in place; may be repeated.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=timestamp_option, metavar="TIME", help="Repair only baskets with an event since then."),
    ] = None,
    dry_run: DryRun = False,
    resume: Resume = False,
    roll_back: RollBack = False,
    abandon: Abandon = False,
    drop_kept: DropKept = False,
    workers: Workers = None,
    rate: Rate = None,
    reason: Reason = None,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Builds the basket views again from the event store, compares them with the live ones, and switches.

    The service goes on. The old tables are kept for --roll-back. Ctrl-C stops the rebuild in order (130); --resume
    goes on, also after a crash. Exit code 0: done, or with --dry-run: nothing differs. 1: something differs, or it failed.
    """
    from domain.operators.rebuild import RebuildScope

    scope = RebuildScope(partner=partner, baskets=tuple(basket or ()), since=since)
    _require_one(not scope.everything, resume, roll_back, abandon, drop_kept)
    _require_one(dry_run, resume, roll_back, abandon, drop_kept)
    operator = _operator(reason, actor, dry_run=dry_run)
    if not _change_tables("basket-views", operator, roll_back, abandon, drop_kept, json):
        _rebuild("basket-views", operator, scope, dry_run, resume, workers, rate, json)


@app.command("catalogue", epilog="Example: checkout rebuild catalogue --dry-run")
def catalogue(
    dry_run: DryRun = False,
    resume: Resume = False,
    roll_back: RollBack = False,
    abandon: Abandon = False,
    drop_kept: DropKept = False,
    workers: Workers = None,
    rate: Rate = None,
    reason: Reason = None,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Builds the catalogue's projections again from its facts, compares them with the live ones, and switches.

    The same as for basket views.
    """
    from domain.operators.rebuild import RebuildScope

    _require_one(dry_run, resume, roll_back, abandon, drop_kept)
    operator = _operator(reason, actor, dry_run=dry_run)
    if not _change_tables("catalogue", operator, roll_back, abandon, drop_kept, json):
        _rebuild("catalogue", operator, RebuildScope(), dry_run, resume, workers, rate, json)


@app.command("list", epilog="Example: checkout rebuild list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 10, wide: Wide = False, json: Json = False
) -> None:
    """Lists the newest rebuilds, running ones included."""
    rebuilds = run_with_container(lambda container: container.rebuilds.newest(limit))
    if json:
        echo_json([*rebuilds])
    else:
        from cli.rebuild import screen

        screen.show_all(rebuilds, Output(wide=wide))


def _require_one(*chosen: bool) -> None:
    """Refuses options that exclude each other, before the operator is asked for a reason."""
    if sum(chosen) > 1:
        raise typer.BadParameter("these options do not go together")


def _operator(reason: str | None, actor: str | None, *, dry_run: bool) -> Operator:
    if dry_run:
        return operator_from_options(actor, reason or "to see what would differ")
    if reason is None and sys.stdin.isatty():
        reason = typer.prompt("Why")
    return operator_from_options(actor, reason or "")


def _rebuild(
    target: RebuildTarget,
    operator: Operator,
    scope: RebuildScope,
    dry_run: bool,
    resume: bool,
    workers: int | None,
    rate: float | None,
    json: bool,
) -> None:
    import os

    from cli.rebuild import screen
    from cli.rebuild.run import RebuildOptions, run_rebuild

    options = RebuildOptions(target, operator, scope, dry_run, resume, workers or os.cpu_count() or 1, rate)
    with screen.progress_bar() as progress:
        ended = run_interruptible(lambda container, stop: run_rebuild(options, progress, container, stop))
    _print(ended, json=json)
    if ended.state == "cancelled":
        raise typer.Exit(INTERRUPTED)
    if dry_run and ended.comparison is not None and ended.comparison.faults:
        raise typer.Exit(NOT_DONE)


def _change_tables(
    target: RebuildTarget,
    operator: Operator,
    roll_back: bool,
    abandon: bool,
    drop_kept: bool,
    json: bool,
) -> bool:
    """Does what one of the options asks instead of a rebuild. False: none of them does."""
    if not (roll_back or abandon or drop_kept):
        return False

    async def change(container: Container) -> Rebuild | bool | None:
        rebuilds = container.rebuilds
        if roll_back:
            return await rebuilds.roll_back(target, operator)
        return await (rebuilds.abandon if abandon else rebuilds.drop_kept)(target, operator)

    done = run_with_container(change)
    if not done:
        echo_error("there is nothing to drop")
        raise typer.Exit(NOT_DONE)
    if not isinstance(done, bool):
        _print(done, json=json)
    elif json:
        echo_json({"dropped": True})
    else:
        echo("The kept generation is dropped.")
    return True


def _print(rebuild: Rebuild, *, json: bool) -> None:
    if json:
        echo_json(rebuild)
        return
    from cli.rebuild import screen

    screen.show(rebuild)
