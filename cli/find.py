"""`checkout find`: baskets by their owner, content, status, time and findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from cli.operator_options import timestamp_option
from cli.output import STDOUT, Output, StyledText, TableColumn, Wide, echo_error, echo_json
from cli.runner import NOT_DONE, run_with_container
from cli.show import STATUS_STYLES
from domain.shared.formatting import format_time

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.history.search import BasketQuery, BasketSummary, SearchPage

CRASHED = "check_failed"
"""The finding of a check that crashed. It is no check's own code."""

COLUMNS = (
    "basket",
    "organisation",
    "external id",
    "status",
    "verdict",
    TableColumn("created", optional=True),
    TableColumn("modified", optional=True),
)
_READY = {True: ("ready", "green"), False: ("not ready", "red"), None: ("not judged", "dim")}

Moment = Annotated[
    datetime | None,
    typer.Option(parser=timestamp_option, metavar="TIME", help="RFC 3339, with its offset."),
]


class Status(StrEnum):
    open = "open"
    expired = "expired"
    completed = "completed"
    cancelled = "cancelled"


def find(
    partner: Annotated[str | None, typer.Option(help="Of this partner organisation.")] = None,
    external_id: Annotated[str | None, typer.Option(help="With the organisation's own id of the order.")] = None,
    product: Annotated[str | None, typer.Option(help="With a line that holds this product code.")] = None,
    offer: Annotated[str | None, typer.Option(help="With a line that holds the offer of this id.")] = None,
    status: Annotated[Status | None, typer.Option(help="With this recorded status.")] = None,
    finding: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="With this finding in the last verdict; see `checkout checks`."),
    ] = None,
    created_from: Moment = None,
    created_until: Moment = None,
    modified_from: Moment = None,
    modified_until: Moment = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The most baskets of a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The cursor that the page before printed.")] = None,
    every_page: Annotated[bool, typer.Option("--all", help="Print the pages that follow too, to the last.")] = False,
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line for each page.")] = False,
) -> None:
    """Finds baskets, open or finished, that match all given options; the newest created come first.

    A time --…-until is exclusive. Exit code 0: found. 1: there is none.
    """
    from domain.operators.history.search import InvalidPage

    query = _parse_query(
        {
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
    )
    out = Output(wide=wide)

    async def print_pages(container: Container) -> int:
        found, next_cursor = 0, cursor
        while True:
            page = await container.basket_search.find(query, next_cursor, limit)
            if json:
                echo_json(page)
            else:
                print_page(page, headed=found == 0, last=not every_page, out=out)
            found += len(page.baskets)
            next_cursor = page.next_cursor
            if next_cursor is None or not every_page:
                if next_cursor is None and query.status != "open":
                    await _tell_of_archive(container, query.partner)
                return found

    try:
        found = run_with_container(print_pages)
    except InvalidPage as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        echo_error(_why_nothing(query))
        raise typer.Exit(NOT_DONE)


async def _tell_of_archive(container: Container, partner: str | None) -> None:
    """Archived baskets have no views, and so cannot be searched."""
    from domain.ports.archive import ArchiveSelection

    if await container.archive_index.page(ArchiveSelection(partner), "", 1):
        whose = f" --partner {quote(partner)}" if partner is not None else ""
        echo_error(f"baskets in the archive were not searched: checkout archive list{whose}")


def print_page(page: SearchPage, *, headed: bool, last: bool, out: Output = STDOUT) -> None:
    """Prints a page. After the `last` one that is shown it says how to go on."""
    if page.baskets:
        out.table(COLUMNS, [_row(basket) for basket in page.baskets], headed=headed)
    if page.next_cursor is not None and last:
        out.note(f"more: --cursor {page.next_cursor}")


def _row(basket: BasketSummary) -> list[StyledText]:
    verdict, style = _READY[basket.ready]
    codes = ", ".join(basket.finding_codes)
    return [
        basket.basket_id,
        basket.partner,
        basket.external_id or "",
        (basket.status, STATUS_STYLES.get(basket.status, "")),
        (f"{verdict}: {codes}" if codes else verdict, style),
        format_time(basket.created, "minutes", " "),
        format_time(basket.modified, "minutes", " "),
    ]


def _parse_query(options: Mapping[str, object]) -> BasketQuery:
    """Raises typer.BadParameter where no basket can match an option."""
    from pydantic import ValidationError

    from domain.operators.history.search import BasketQuery

    try:
        return BasketQuery.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).removesuffix("_code").replace("_", "-")
        raise typer.BadParameter(first["msg"], param_hint=f"--{name}") from error


def _why_nothing(query: BasketQuery) -> str:
    from typing import get_args

    from domain.shared.findings import CheckCode

    code = query.finding_code
    if code is not None and code not in {*get_args(CheckCode), CRASHED}:
        return f"no basket found; no check of this release is called {code} (`checkout checks` lists them)"
    return "no basket found"
