"""What people see of a basket's history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cli.output import (
    STDOUT,
    Output,
    StyledText,
    TableColumn,
)
from domain.operators.history.as_of import HistoryEntry
from domain.operators.history.basket_diff import FieldDifference
from domain.operators.history.basket_json import Document
from domain.operators.history.event_descriptions import time_words
from domain.shared.findings import Finding
from domain.validation.verdict_diff import VerdictDiff as FindingsDifference

_KINDS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_STATUSES = {"open": "green", "completed": "blue", "expired": "red"}


LINES = (
    TableColumn("quantity", right=True),
    "offer",
    "name",
    "products",
    "price",
    "line total",
    "id",
)


class HistoryScreen:
    """Tells entries one below the other; who asked is said once for all that one command did."""

    def __init__(self, out: Output = STDOUT) -> None:
        self._out = out
        self._command: tuple[object, ...] | None = None

    def tell(self, entry: HistoryEntry) -> None:
        if not self._out.terminal:
            self._out.table(ENTRIES, [_row(entry)], headed=self._command is None)
            self._command = ()
            return
        command = (entry.actor, entry.correlation_id, entry.causation_id)
        if command != self._command:
            self._command = command
            self._out.say(*_asked(entry))
        self._out.say((f"{entry.version:>6}  ", "cyan"), entry.words)


ENTRIES = ("version", "time", "what", "by", "correlation", "causation")


def _row(entry: HistoryEntry) -> list[StyledText]:
    return [
        str(entry.version),
        time_words(entry.occurred_at or entry.recorded_at),
        entry.words,
        entry.actor or "",
        entry.correlation_id or "",
        entry.causation_id or "",
    ]


def _asked(entry: HistoryEntry) -> list[StyledText]:
    said: list[StyledText] = [
        (time_words(entry.occurred_at or entry.recorded_at), "bold"),
        f"  by {entry.actor or 'nobody that was named'}",
    ]
    if entry.correlation_id is not None:
        said.append((f", correlation {entry.correlation_id}", "dim"))
    return said


def show(document: Document, out: Output = STDOUT) -> None:
    """The basket of a `standing_document`."""
    out.say(*_heading(document))
    out.say(_said(document))
    out.say(_times(document), style="dim")
    for name in ("tracking", "customFields"):
        if document[name]:
            out.say(f"{name} {json.dumps(document[name], ensure_ascii=False)}")
    if document["orderItems"]:
        out.table(LINES, [_line(line) for line in document["orderItems"]])
    else:
        out.say("no lines", style="dim")
    if document["total"]:
        out.say(f"total {_money(document['total'])}", style="bold")
    _show_verdict(document["lastVerdict"], out)


def _heading(document: Document) -> list[StyledText]:
    said: list[StyledText] = [
        (document["id"], "bold"),
        f" at version {document['version']}: ",
        (document["status"], _STATUSES.get(document["status"], "")),
    ]
    return [*said, f", order {document['orderId']}"] if document["orderId"] is not None else said


def _said(document: Document) -> str:
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
    return ", ".join(said)


def _times(document: Document) -> str:
    said = ((name, document[name]) for name in ("created", "modified", "expiresAt"))
    return ", ".join(f"{name} {time_words(datetime.fromisoformat(time))}" for name, time in said)


def _line(line: Document) -> list[StyledText]:
    offer = line["offer"]
    under = "└ " if line["type"] == "add_on" else ""
    return [
        str(line["quantity"]),
        f"{under}{offer['id']} {offer['version']}",
        offer["name"] or "",
        " ".join(product["productCode"] for product in offer["products"]),
        _money(line["price"]) + _expected(line),
        _money(line["lineTotal"]),
        (line["id"], "dim"),
    ]


def _expected(line: Document) -> str:
    return f" (expected {_money(line['expectedPrice'])})" if line["expectedPrice"] else ""


def _money(money: dict[str, Any] | None) -> str:
    return f"{money['amount']} {money['currency']}" if money else "–"


def _show_verdict(verdict: Document | None, out: Output) -> None:
    if verdict is None:
        out.say("not judged", style="dim")
        return
    when = time_words(datetime.fromisoformat(verdict["validatedAt"]))
    out.say(
        ("ready", "green") if verdict["ready"] else ("not ready", "red"),
        f" by the verdict of version {verdict['version']}, {when}",
    )
    for finding in (*verdict["blockedProducts"], *verdict["validationErrors"]):
        out.say(f"  {finding['severity']} {finding['code']} at {finding['path']}: {finding['message']}")


def show_differences(
    basket_id: str,
    versions: tuple[int, int],
    found: Sequence[FieldDifference],
    findings: FindingsDifference,
    out: Output = STDOUT,
) -> None:
    """What differs, in words and with where it stands."""
    out.say(f"{basket_id} from version {versions[0]} to {versions[1]}", style="bold")
    for each in found:
        sign, style = _KINDS[each.kind]
        out.say((f"{sign} {each.words}", style), (f"  {each.path}", "dim"))
    for sign, style, which in (("-", "red", findings.gone), ("+", "green", findings.new)):
        for finding in which:
            out.say(f"{sign} {_finding(finding)}", style=style)
    if not found and not findings.in_findings:
        out.say("nothing differs")


def _finding(finding: Finding) -> str:
    return f"{finding.severity} {finding.code} at {finding.path}: {finding.message}"
