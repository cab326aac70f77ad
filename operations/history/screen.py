"""What people see of a basket's history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.operating.differing import Difference
from domain.operating.history import HistoryEntry
from domain.operating.showing import Document
from domain.operating.words import printable, time_words
from domain.validation.comparing import Difference as FindingsDifference
from domain.validation.findings import Finding

_KINDS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_STATUSES = {"open": "green", "completed": "blue", "expired": "red"}


class HistoryScreen:
    """Tells entries one below the other; who asked is said once for all that one command did."""

    def __init__(self, console: Console | None = None) -> None:
        self._out = console or Console(highlight=False)
        self._command: tuple[object, ...] | None = None

    def tell(self, entry: HistoryEntry) -> None:
        command = (entry.actor, entry.correlation_id, entry.causation_id)
        if command != self._command:
            self._command = command
            self._out.print(_asked(entry), soft_wrap=True)
        self._out.print(_happened(entry), soft_wrap=True)


def _asked(entry: HistoryEntry) -> Text:
    said = Text(time_words(entry.occurred_at or entry.recorded_at), style="bold")
    said.append(f"  by {printable(entry.actor or 'nobody that was named')}", style="not bold")
    if entry.correlation_id is not None:
        said.append(f", correlation {printable(entry.correlation_id)}", style="not bold dim")
    return said


def _happened(entry: HistoryEntry) -> Text:
    return Text.assemble((f"{entry.version:>6}  ", "cyan"), entry.words)


def show(document: Document, console: Console | None = None) -> None:
    """The basket of a `standing_document`."""
    out = console or Console(highlight=False)
    out.print(_heading(document), soft_wrap=True)
    out.print(_said(document), soft_wrap=True)
    out.print(_times(document), soft_wrap=True, style="dim")
    for name in ("tracking", "customFields"):
        if document[name]:
            content = json.dumps(document[name], ensure_ascii=False)
            out.print(Text(printable(f"{name} {content}")), soft_wrap=True)
    out.print(_lines(document))
    if document["total"]:
        out.print(Text(f"total {_money(document['total'])}", style="bold"))
    out.print(_verdict(document["lastVerdict"]), soft_wrap=True)


def _heading(document: Document) -> Text:
    said = Text(document["id"], style="bold")
    said.append(f" at version {document['version']}: ", style="not bold")
    said.append(document["status"], style=_STATUSES[document["status"]])
    if document["orderId"] is not None:
        said.append(printable(f", order {document['orderId']}"), style="not bold")
    return said


def _said(document: Document) -> Text:
    said = [f"of {document['partner']}"]
    said += [
        f"{label} {document[name]}"
        for name, label in (
            ("external_id", "external id"),
            ("country", "country"),
            ("currency", "currency"),
            ("source", "source"),
            ("order_type", "order type"),
        )
        if document[name] is not None
    ]
    return Text(printable(", ".join(said)))


def _times(document: Document) -> Text:
    said = ((name, document[name]) for name in ("created", "modified", "expiresAt"))
    return Text(", ".join(f"{name} {time_words(datetime.fromisoformat(time))}" for name, time in said))


def _lines(document: Document) -> Table | Text:
    if not document["orderItems"]:
        return Text("no lines", style="dim")
    table = Table("quantity", "offer", "name", "products", "price", "line total", "id", box=None)
    table.header_style = "dim"
    for line in document["orderItems"]:
        offer = line["offer"]
        under = "  └ " if line["type"] == "add_on" else ""
        table.add_row(
            str(line["quantity"]),
            Text(printable(f"{under}{offer['id']} {offer['version']}")),
            Text(printable(offer["name"] or "")),
            Text(printable(" ".join(product["productCode"] for product in offer["products"]))),
            Text(_money(line["price"]) + _expected(line)),
            Text(_money(line["lineTotal"])),
            Text(printable(line["id"]), style="dim"),
        )
    return table


def _expected(line: Document) -> str:
    return f" (expected {_money(line['expectedPrice'])})" if line["expectedPrice"] else ""


def _money(money: dict[str, Any] | None) -> str:
    return f"{money['amount']} {money['currency']}" if money else "–"


def _verdict(verdict: Document | None) -> Text:
    if verdict is None:
        return Text("not judged", style="dim")
    style = "green" if verdict["ready"] else "red"
    when = time_words(datetime.fromisoformat(verdict["validatedAt"]))
    said = Text(f"{'ready' if verdict['ready'] else 'not ready'}", style=style)
    said.append(f" by the verdict of version {verdict['version']}, {when}", style="not bold default")
    for finding in (*verdict["blockedProducts"], *verdict["validationErrors"]):
        words = f"\n  {finding['severity']} {finding['code']} at {finding['path']}: {finding['message']}"
        said.append(printable(words).replace("\\n", "\n", 1), style="default")
    return said


def show_differences(
    basket_id: str,
    versions: tuple[int, int],
    found: Sequence[Difference],
    findings: FindingsDifference,
    console: Console | None = None,
) -> None:
    """What differs, in words and with where it stands."""
    out = console or Console(highlight=False)
    out.print(Text(f"{basket_id} from version {versions[0]} to {versions[1]}", style="bold"), soft_wrap=True)
    for each in found:
        sign, style = _KINDS[each.kind]
        out.print(
            Text.assemble((f"{sign} {each.words}", style), (f"  {printable(each.path)}", "dim")),
            soft_wrap=True,
        )
    for sign, style, which in (("-", "red", findings.gone), ("+", "green", findings.new)):
        for finding in which:
            out.print(Text(f"{sign} {_finding(finding)}", style=style), soft_wrap=True)
    if not found and not findings.in_findings:
        out.print("nothing differs")


def _finding(finding: Finding) -> str:
    return printable(f"{finding.severity} {finding.code} at {finding.path}: {finding.message}")
