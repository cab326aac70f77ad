"""The options of `checkout validate`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import timestamp_option
from cli.output import Output, Wide, echo_json
from cli.runner import DONE, INTERRUPTED, NOT_DONE, run_with_container

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.validation.revalidate_as_of import AsOfVerdict


def validate(
    basket: Annotated[str | None, typer.Argument(help="The basket's id.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(parser=timestamp_option, metavar="TIME", help="As it was then, by the facts known then."),
    ] = None,
    at_version: Annotated[
        int | None,
        typer.Option(min=1, help="As it was at this version. A verdict's version repeats that verdict."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each check, what it looked at, and the facts.")
    ] = False,
    what_if: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="JSON lines as for `catalogue load`: validate all open baskets as if these facts held.",
        ),
    ] = None,
    partner: Annotated[str | None, typer.Option(help="With --what-if: only baskets of this organisation.")] = None,
    all_open: Annotated[
        bool, typer.Option("--open", help="With --what-if: all open baskets, which is always so.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(help="With --what-if: the file that keeps the progress; removed at the end."),
    ] = None,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Validates a basket again, or all open ones as if some facts held, and changes nothing.

    The checks are those of this release. As of a recorded verdict, the command shows how the findings differ. Exit
    code 0: they are the same, or without a recorded verdict: the basket is ready. 1: they differ, or it is not
    ready. 2: it could not be validated.

    With --what-if: exit code 0: no basket would become not ready. 1: some would. 2: no answer. 130: it was
    interrupted.
    """
    if (basket is None) == (what_if is None):
        raise typer.BadParameter("name a basket, or --what-if with a file")
    if what_if is not None:
        if as_of is not None or at_version is not None or explain:
            raise typer.BadParameter("--what-if validates by the facts known now")
        raise typer.Exit(_what_if(what_if, partner, resume, json=json, out=Output(wide=wide)))
    if as_of is not None and at_version is not None:
        raise typer.BadParameter("--as-of or --at-version, not both")
    if partner is not None or resume is not None or all_open:
        raise typer.BadParameter("--partner, --open and --resume go with --what-if")
    raise typer.Exit(_one(str(basket), as_of, at_version, explain=explain, json=json, out=Output(wide=wide)))


def _one(basket: str, as_of: datetime | None, at_version: int | None, *, explain: bool, json: bool, out: Output) -> int:
    from cli.validate import screen

    async def revalidate(container: Container) -> AsOfVerdict:
        validator = container.as_of_validator
        if at_version is not None:
            return await validator.at_version(basket, at_version)
        return await (validator.now(basket) if as_of is None else validator.as_of(basket, as_of))

    result = run_with_container(revalidate)
    if json:
        echo_json(screen.as_of_json(result, explain=explain))
    else:
        screen.show(result, explain=explain, out=out)
    return DONE if screen.is_as_expected(result) else NOT_DONE


def _what_if(file: Path, partner: str | None, resume: Path | None, *, json: bool, out: Output) -> int:
    from cli.validate import what_if, what_if_screen

    outcome = what_if.run_what_if(file, partner, resume)
    if json:
        echo_json(what_if_screen.what_if_json(outcome))
    else:
        what_if_screen.show(outcome, resume, out)
    if not outcome.complete:
        return INTERRUPTED
    return NOT_DONE if outcome.found.becomes_not_ready else DONE
