"""The options of `checkout rebuild`."""

from __future__ import annotations

import dataclasses
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import Actor, operator_from_options
from cli.output import (
    Output,
    Wide,
    echo,
    echo_error,
    echo_json,
)
from cli.runner import load_settings, run_async
from cli.timestamps import timestamp_option

if TYPE_CHECKING:
    from domain.operators.audit import Operator
    from domain.operators.rebuild import Rebuild, RebuildScope, RebuildTarget

NOT_AS_IT_SHOULD_BE = 1
INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    help="Builds anew what is derived from what happened, while everything serves.",
)


Reason = Annotated[
    str | None, typer.Option(help="Why it is done; it is recorded with the action.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would differ, and change nothing.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the one that was stopped or killed.")]
RollBack = Annotated[
    bool, typer.Option("--roll-back", help="Put the kept old generation in the place of the live one.")
]
Abandon = Annotated[
    bool, typer.Option("--abandon", help="Give up the one that was stopped, and drop what it built.")
]
DropKept = Annotated[bool, typer.Option("--drop-kept", help="Drop the kept old generation.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that build; unset: one a processor.")
]
Rate = Annotated[float | None, typer.Option(min=1, help="At most so many events a second.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")]


@app.command("basket-views", epilog='Example: checkout rebuild basket-views --reason "a new column"')
def basket_views(
    partner: Annotated[
        str | None, typer.Option(help="Only baskets of this organisation, mended in place.")
    ] = None,
    basket: Annotated[
        list[str] | None, typer.Option(help="Only this basket, mended in place; may be given again.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=timestamp_option, metavar="TIME", help="Only baskets that something happened to since."
        ),
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
    """Builds the basket views anew from the event store, compares them with the live ones, and switches.

    Serving never stops. The old generation is kept for --roll-back. Ctrl-C stops it cleanly (130); --resume goes on,
    also after a crash. Exit code 0: done, or with --dry-run: nothing differs. 1: something differs, or it failed.
    """
    from domain.operators.rebuild import RebuildScope

    scope = RebuildScope(partner=partner, baskets=tuple(basket or ()), since=since)
    _run(
        "basket-views",
        scope,
        dry_run=dry_run,
        resume=resume,
        ways=(roll_back, abandon, drop_kept),
        workers=workers,
        rate=rate,
        acting=(reason, actor),
        json=json,
    )


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
    """Builds the projections of the catalogue anew from its facts, compares them with the live ones, and switches.

    The same as for basket views.
    """
    from domain.operators.rebuild import RebuildScope

    _run(
        "catalogue",
        RebuildScope(),
        dry_run=dry_run,
        resume=resume,
        ways=(roll_back, abandon, drop_kept),
        workers=workers,
        rate=rate,
        acting=(reason, actor),
        json=json,
    )


@app.command("list", epilog="Example: checkout rebuild list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 10, wide: Wide = False, json: Json = False
) -> None:
    """The newest rebuilds, those that run among them."""
    from adapters.container import open_operator_container

    async def newest() -> list[Rebuild]:
        async with open_operator_container(load_settings()) as parts:
            return [*await parts.rebuilds.newest(limit)]

    rebuilds = run_async(newest())
    if json:
        echo_json(rebuilds)
    else:
        from cli.rebuild import screen

        screen.show_all(rebuilds, Output(wide=wide))


def _run(
    target: RebuildTarget,
    scope: RebuildScope,
    *,
    dry_run: bool,
    resume: bool,
    ways: tuple[bool, bool, bool],
    workers: int | None,
    rate: float | None,
    acting: tuple[str | None, str | None],
    json: bool,
) -> None:
    if sum([dry_run, resume, *ways]) > 1 or (not scope.everything and (resume or any(ways))):
        raise typer.BadParameter("these options do not go together")
    who = _operator(*acting, dry_run=dry_run)
    if any(ways):
        _done_at_once(target, who, ways, json=json)
        return
    from cli.rebuild import execution, screen

    asked = execution.RebuildOptions(target, who, scope, dry_run=dry_run, resume=resume, rate=rate)
    if workers is not None:
        asked = dataclasses.replace(asked, workers=workers)
    with screen.progress_bar() as told:
        ended = run_async(execution.rebuild(asked, told))
    _say(ended, json=json)
    if ended.state == "cancelled":
        raise typer.Exit(INTERRUPTED)
    if dry_run and ended.comparison is not None and ended.comparison.faults:
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def _done_at_once(target: RebuildTarget, who: Operator, ways: tuple[bool, bool, bool], *, json: bool) -> None:
    """What is no rebuild."""
    from adapters.container import open_operator_container

    roll_back, abandon, _ = ways

    async def act() -> Rebuild | bool | None:
        async with open_operator_container(load_settings()) as parts:
            if roll_back:
                return await parts.rebuilds.roll_back(target, who)
            if abandon:
                return await parts.rebuilds.abandon(target, who)
            return await parts.rebuilds.drop_kept(target, who)

    done = run_async(act())
    if not done:
        echo_error("there is nothing to drop")
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)
    if isinstance(done, bool):
        if json:
            echo_json({"dropped": True})
        else:
            echo("The kept generation is dropped.")
    else:
        _say(done, json=json)


def _operator(reason: str | None, actor: str | None, *, dry_run: bool) -> Operator:
    if dry_run:
        return operator_from_options(actor, reason or "to see what would differ")
    if reason is None and sys.stdin.isatty():
        reason = typer.prompt("Why")
    return operator_from_options(actor, reason or "")


def _say(stands: Rebuild, *, json: bool) -> None:
    if json:
        echo_json(stands)
        return
    from cli.rebuild import screen

    screen.show(stands)
