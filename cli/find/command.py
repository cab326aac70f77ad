"""The options of `checkout find`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli.output import Output, Wide, echo_error
from cli.runner import run_async
from cli.timestamps import timestamp_option

NOTHING_FOUND = 1

Moment = Annotated[
    datetime | None, typer.Option(parser=timestamp_option, metavar="TIME", help="RFC 3339, with its offset.")
]


class Status(StrEnum):
    """How a basket stands."""

    open = "open"
    expired = "expired"
    completed = "completed"


def find(
    partner: Annotated[str | None, typer.Option(help="Whose they are: a partner organisation.")] = None,
    external_id: Annotated[str | None, typer.Option(help="The organisation's own id of the order.")] = None,
    product: Annotated[str | None, typer.Option(help="A product code that a line holds.")] = None,
    offer: Annotated[str | None, typer.Option(help="The id of an offer that a line holds.")] = None,
    status: Annotated[Status | None, typer.Option(help="How they stand.")] = None,
    finding: Annotated[
        str | None, typer.Option(metavar="CODE", help="What the last verdict found; see `checkout checks`.")
    ] = None,
    created_from: Moment = None,
    created_until: Moment = None,
    modified_from: Moment = None,
    modified_until: Moment = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The most baskets of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="What the page before said leads on.")] = None,
    every_page: Annotated[
        bool, typer.Option("--all", help="Go on with the pages that follow, to the last.")
    ] = False,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line for each page.")] = False,
) -> None:
    """Finds baskets, open or finished, of which all holds that is said; the newest created come first.

    A time --…-until is not among them. Exit code 0: found. 1: there is none.
    """
    from cli.find import execution
    from domain.operators.history.search import InvalidPage

    asked = {
        "partner": partner,
        "external_id": external_id,
        "product": product,
        "offer": offer,
        "status": status and status.value,
        "finding_code": finding,
        "created_from": created_from,
        "created_until": created_until,
        "modified_from": modified_from,
        "modified_until": modified_until,
    }
    try:
        query = execution.query_of(asked)
        out = Output(wide=wide)
        found = run_async(execution.find(query, cursor, limit, every_page=every_page, json=json, out=out))
    except InvalidPage as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        echo_error(execution.nothing_found(query))
        raise typer.Exit(NOTHING_FOUND)
