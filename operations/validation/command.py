"""The options of `checkout validate`."""

from __future__ import annotations

import asyncio
import json as json_library
from datetime import datetime
from typing import Annotated

import typer

NOT_AS_IT_SHOULD_BE = 1
NOT_JUDGED = 2


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no RFC 3339 time") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} says no offset, such as Z")
    return moment


def validate(
    basket: Annotated[str, typer.Argument(help="The basket's id.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="As it was then, by the facts known then."),
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
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Judges a basket again and changes nothing.

    By the checks of this release: as of a recorded verdict it shows where the findings differ.

    Exit code 0: they are the same; without a recorded verdict to compare with: the basket is ready. 1: they
    differ; or it is not ready. 2: it could not be judged.
    """
    from domain.errors import CheckoutError  # noqa: PLC0415  slow to load: only when it is called
    from operations.validation import judging, screen  # noqa: PLC0415

    if as_of is not None and at_version is not None:
        raise typer.BadParameter("--as-of or --at-version, not both")
    try:
        rejudged = asyncio.run(judging.rejudge(basket, as_of, at_version))
    except CheckoutError as error:
        typer.echo(f"checkout: {error}", err=True)
        raise typer.Exit(NOT_JUDGED) from error
    if json:
        typer.echo(json_library.dumps(judging.document(rejudged, explained=explain)))
    else:
        screen.show(rejudged, explained=explain)
    raise typer.Exit(0 if judging.as_it_should_be(rejudged) else NOT_AS_IT_SHOULD_BE)
