"""`checkout diff`: what differs between two versions of a basket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.history import BasketId
from cli.output import STDOUT, Output, echo_json
from cli.runner import run_with_container
from cli.show import finding_text

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.history.as_of import BasketState

_KINDS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def diff(
    basket: BasketId,
    before: Annotated[int, typer.Argument(min=1, metavar="A", help="A version.")],
    after: Annotated[
        int | None, typer.Argument(min=1, metavar="B", help="Another one; by default the last one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """Prints what differs between two versions of a basket, and between the last verdicts on it.

    Exit code 0: printed, also where nothing differs. 1: there is no such basket or version.
    """

    async def read(container: Container) -> tuple[BasketState, BasketState]:
        history = container.basket_history
        one = await history.at_version(basket, before)
        other = await history.last(basket) if after is None else await history.at_version(basket, after)
        return one, other

    document = diff_json(*run_with_container(read))
    if json:
        echo_json(document)
    else:
        print_diff(document)


def diff_json(before: BasketState, after: BasketState) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    from domain.operators.history.basket_diff import diff_baskets
    from domain.shared.findings import Verdict
    from domain.validation.verdict_diff import diff_verdicts

    nothing = Verdict(blocked_products=(), validation_errors=(), evidence=())
    findings = diff_verdicts(
        before.verdict.verdict if before.verdict else nothing,
        after.verdict.verdict if after.verdict else nothing,
    )
    document: dict[str, Any] = to_jsonable_python(
        {
            "basket": after.basket.id,
            "fromVersion": before.basket.version,
            "toVersion": after.basket.version,
            "differences": diff_baskets(before.basket, after.basket),
            "findings": {"gone": findings.gone, "new": findings.new},
        }
    )
    return document


def print_diff(document: Mapping[str, Any], out: Output = STDOUT) -> None:
    """Prints the JSON of `diff_json` for people."""
    versions = f"from version {document['fromVersion']} to {document['toVersion']}"
    out.say(f"{document['basket']} {versions}", style="bold")
    for each in document["differences"]:
        sign, style = _KINDS[each["kind"]]
        out.say((f"{sign} {each['words']}", style), (f"  {each['path']}", "dim"))
    findings = document["findings"]
    for sign, style, which in (("-", "red", findings["gone"]), ("+", "green", findings["new"])):
        for finding in which:
            out.say(f"{sign} {finding_text(finding)}", style=style)
    if not (document["differences"] or findings["gone"] or findings["new"]):
        out.say("nothing differs")
