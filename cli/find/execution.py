"""What `checkout find` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import typer
from pydantic import ValidationError

from adapters.container import open_container
from cli.find import screen
from cli.output import STDOUT, Output, echo_json
from cli.runner import load_settings
from domain.operators.history.search import BasketQuery
from domain.shared.check_codes import CheckCode

CRASHED = "check_failed"
"""What is found where a check itself crashed."""


def query_of(asked: Mapping[str, object]) -> BasketQuery:
    """Raises typer.BadParameter where no basket can be so."""
    try:
        return BasketQuery.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(first["msg"], param_hint=_option(str(first["loc"][0]))) from error


async def find(
    query: BasketQuery,
    cursor: str | None,
    limit: int,
    *,
    every_page: bool,
    json: bool,
    out: Output = STDOUT,
) -> int:
    """Tells the page after the cursor, or all pages after it; returns how many baskets were told. Raises
    InvalidPage and CheckoutError."""
    told = 0
    async with open_container(load_settings()) as parts:
        while True:
            page = await parts.finder.find(query, cursor, limit)
            if json:
                echo_json(page)
            else:
                screen.show(page, headed=told == 0, last=not every_page, out=out)
            told += len(page.baskets)
            cursor = page.next_cursor
            if cursor is None or not every_page:
                return told


def nothing_found(query: BasketQuery) -> str:
    """Why that may be."""
    code = query.finding_code
    if code is not None and code not in {*get_args(CheckCode), CRASHED}:
        return f"no basket found; no check of this release is called {code} (`checkout checks` lists them)"
    return "no basket found"


def _option(field: str) -> str:
    return f"--{field.removesuffix('_code').replace('_', '-')}"
