"""The options of `checkout validate`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Output, Wide, echo_json
from cli.runner import run_async
from cli.timestamps import timestamp_option

EXIT_DIFFERENT = 1


def validate(
    basket: Annotated[str | None, typer.Argument(help="The basket's id.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=timestamp_option, metavar="TIME", help="As it was then, by the facts known then."
        ),
    ] = None,
    at_version: Annotated[
        int | None,
        typer.Option(
            min=1, help="As it was at this version; of a verdict's version: what that verdict judged."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each check, what it looked at, and the facts.")
    ] = False,
    what_if: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="JSON lines as for `catalogue load`: judge all open baskets as if these facts held.",
        ),
    ] = None,
    partner: Annotated[
        str | None, typer.Option(help="With --what-if: only baskets of this organisation.")
    ] = None,
    all_open: Annotated[
        bool, typer.Option("--open", help="With --what-if: all open baskets; it is always so.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(help="With --what-if: the file that keeps how far it came; removed at the end."),
    ] = None,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Judges a basket again, or all open ones as if some facts held, and changes nothing.

    A BASKET is judged by the checks of this release. As of a recorded verdict it shows where the findings differ.
    Exit code 0: they are the same; without a recorded verdict to compare with: the basket is ready. 1: they
    differ; or it is not ready. 2: it could not be judged.

    With --what-if: exit code 0: no basket would become not ready. 1: some would. 2: it could not be found out.
    130: it was interrupted.
    """
    if (basket is None) == (what_if is None):
        raise typer.BadParameter("name a basket, or --what-if with a file")
    if what_if is not None:
        if as_of is not None or at_version is not None or explain:
            raise typer.BadParameter("--what-if judges by what is known now")
        raise typer.Exit(_what_if(what_if, partner, resume, json=json, wide=wide))
    if as_of is not None and at_version is not None:
        raise typer.BadParameter("--as-of or --at-version, not both")
    if partner is not None or resume is not None or all_open:
        raise typer.BadParameter("--partner, --open and --resume go with --what-if")
    raise typer.Exit(_one(str(basket), as_of, at_version, explain=explain, json=json, wide=wide))


def _one(
    basket: str, as_of: datetime | None, at_version: int | None, *, explain: bool, json: bool, wide: bool
) -> int:
    from cli.validate import revalidate, screen

    rejudged = run_async(revalidate.revalidate_as_of(basket, as_of, at_version))
    if json:
        echo_json(revalidate.document(rejudged, explained=explain))
    else:
        screen.show(rejudged, explained=explain, out=Output(wide=wide))
    return 0 if revalidate.is_as_expected(rejudged) else EXIT_DIFFERENT


def _what_if(path: Path, partner: str | None, resume: Path | None, *, json: bool, wide: bool) -> int:
    from cli.runner import INTERRUPTED
    from cli.validate import what_if

    answer = what_if.run(what_if.WhatIfArguments(path, partner, resume))
    if json:
        echo_json(what_if.document(answer))
    else:
        what_if.show(answer, resume, Output(wide=wide))
    if not answer.complete:
        return INTERRUPTED
    return EXIT_DIFFERENT if answer.state.becomes_not_ready else 0
