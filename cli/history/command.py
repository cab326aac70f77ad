"""The options of `checkout history`, `checkout show` and `checkout diff`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.output import Output, Wide
from cli.runner import run_async
from cli.timestamps import timestamp_option

BasketId = Annotated[str, typer.Argument(help="The basket's id.")]


def history(
    basket: BasketId,
    after_version: Annotated[int, typer.Option(min=0, help="Only what came after this version.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each new event, until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line for each event.")] = False,
) -> None:
    """Tells every event of a basket: its version, when, what changed, who asked, and in which conversation.

    Exit code 0: told. 1: there is no such basket, or it could not be read. 130: --follow was ended.
    """
    from cli.history import execution

    if follow:
        raise typer.Exit(run_async(execution.follow(basket, after_version, json=json)))
    raise typer.Exit(run_async(execution.history(basket, after_version, json=json)))


def show(
    basket: BasketId,
    at_version: Annotated[
        int | None, typer.Option(min=1, help="As it was right after the event of this version.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(parser=timestamp_option, metavar="TIME", help="As it was at this time.")
    ] = None,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Shows a basket as it is, or as it was: the order, and the last verdict on it by then.

    Exit code 0: shown. 1: there is no such basket, or it was not there then.
    """
    from cli.history import execution

    if at_version is not None and as_of is not None:
        raise typer.BadParameter("--at-version or --as-of, not both")
    raise typer.Exit(run_async(execution.show(basket, at_version, as_of, json=json, out=Output(wide=wide))))


def diff(
    basket: BasketId,
    before: Annotated[int, typer.Argument(min=1, metavar="A", help="A version.")],
    after: Annotated[
        int | None, typer.Argument(min=1, metavar="B", help="Another; unset: the last one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Says what differs between two versions of a basket, and between the last verdicts on it.

    Exit code 0: said, also where nothing differs. 1: there is no such basket or version.
    """
    from cli.history import execution

    raise typer.Exit(run_async(execution.diff(basket, before, after, json=json)))
