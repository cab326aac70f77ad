"""`checkout show`: a basket as it is, or as it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.history import BasketId
from cli.operator_options import timestamp_option
from cli.output import STDOUT, Output, StyledText, TableColumn, Wide, echo_json
from cli.runner import run_with_container
from domain.shared.formatting import format_money, format_order_total, format_time

if TYPE_CHECKING:
    from adapters.container import Container
    from domain.operators.history.as_of import BasketState

STATUS_STYLES = {"open": "green", "completed": "blue", "expired": "red", "cancelled": "magenta"}

LINES = (TableColumn("quantity", right=True), "offer", "name", "products", "price", "line total", "id")


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

    Exit code 0: shown. 1: there is no such basket, or it did not exist then.
    """
    if at_version is not None and as_of is not None:
        raise typer.BadParameter("--at-version or --as-of, not both")

    async def read(container: Container) -> BasketState:
        if at_version is not None:
            return await container.basket_history.at_version(basket, at_version)
        if as_of is not None:
            return await container.basket_history.as_of(basket, as_of)
        from adapters.system import utc_now

        return await container.basket_history.now(basket, utc_now())

    state = run_with_container(read)

    from domain.operators.history.basket_json import basket_state_json

    document = basket_state_json(state)
    if json:
        echo_json(document)
    else:
        print_basket(document, Output(wide=wide))


def print_basket(document: Mapping[str, Any], out: Output = STDOUT) -> None:
    """Prints the JSON of `basket_state_json` for people."""
    from json import dumps

    heading: list[StyledText] = [
        (document["id"], "bold"),
        f" at version {document['version']}: ",
        (document["status"], STATUS_STYLES.get(document["status"], "")),
    ]
    if document["orderId"] is not None:
        heading.append(f", order {document['orderId']}")
    if document["cancelReason"] is not None:
        heading.append(f", for {document['cancelReason']}")
    out.say(*heading)
    labels = ("external_id", "country", "currency", "source", "order_type")
    said = [f"{name.replace('_', ' ')} {document[name]}" for name in labels if document[name] is not None]
    market = document["market"]
    if market["source"] not in (None, "country"):
        said.append(f"sold in {market['country']} by {market['source']}")
    out.say(", ".join([f"of {document['partner']}", *said]))
    times = [f"{name} {_time(document[name])}" for name in ("created", "modified", "expiresAt")]
    out.say(", ".join(times), style="dim")
    for name in ("tracking", "customFields", "customerDetails", "billingDetails", "deliveryDetails"):
        if document[name]:
            out.say(f"{name} {dumps(document[name], ensure_ascii=False)}")
    if document["orderItems"]:
        out.table(LINES, [_row(line) for line in document["orderItems"]])
    else:
        out.say("no lines", style="dim")
    if total := format_order_total(document):
        out.say(f"total {total}", style="bold")
    _print_verdict(document["lastVerdict"], document["version"], out)


def finding_text(finding: Mapping[str, Any]) -> str:
    return f"{finding['severity']} {finding['code']} at {finding['path']}: {finding['message']}"


def _product_text(product: Mapping[str, Any]) -> str:
    code, quantity = product["productCode"], product["quantity"]
    return f"{code} ×{quantity}" if quantity > 1 else f"{code}"


def _row(line: Mapping[str, Any]) -> list[StyledText]:
    offer, expected = line["offer"], line["expectedPrice"]
    under = "└ " if line["type"] == "add_on" else ""
    return [
        str(line["quantity"]),
        f"{under}{offer['id']} {offer['version']}",
        offer["name"] or "",
        " ".join(_product_text(product) for product in offer["products"]),
        format_money(line["price"]) + (f" (expected {format_money(expected)})" if expected else ""),
        format_money(line["lineTotal"]),
        (line["id"], "dim"),
    ]


def _print_verdict(verdict: Mapping[str, Any] | None, basket_version: int, out: Output) -> None:
    if verdict is None:
        out.say("not judged", style="dim")
        return
    out.say(
        ("ready", "green") if verdict["ready"] else ("not ready", "red"),
        f" by the verdict of version {verdict['version']}, {_time(verdict['validatedAt'])}",
    )
    for finding in (*verdict["blockedProducts"], *verdict["validationErrors"]):
        out.say(f"  {finding_text(finding)}")
    print_remedy(verdict["remedy"], out)
    if verdict["remedy"] is not None and verdict["version"] < basket_version:
        out.say(
            f"  The basket is at version {basket_version}, so this gets a 412. Validate it again first.", style="red"
        )
    if verdict["promise"] is not None:
        out.say(f"promise {verdict['promise']}")


def print_remedy(remedy: Mapping[str, Any] | None, out: Output) -> None:
    """Prints the JSON of a remedy: the header and the body that update takes, and what they lead to."""
    if remedy is None:
        return
    from json import dumps

    leads_to = remedy["leadsTo"]
    ready = ("ready", "green") if leads_to["ready"] else ("not ready", "red")
    total = f", total {format_money(leads_to['total'])}" if leads_to["total"] else ""
    remaining = f", with {', '.join(leads_to['remaining'])}" if leads_to["remaining"] else ""
    out.say("the remedy leads to ", ready, f"{total}{remaining}; send it to update:")
    out.say(f"  If-Match: {remedy['ifMatch']}")
    out.say(f"  {dumps({'orderItemActions': remedy['orderItemActions']}, ensure_ascii=False)}")


def _time(text: str) -> str:
    return format_time(datetime.fromisoformat(text), "milliseconds")
