"""Shows the demo, and keeps what was not as it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output import STDOUT, Output, TableColumn
from domain.operators.history.as_of import HistoryEntry
from domain.shared.formatting import NOTHING, format_money, format_order_total

Document = dict[str, Any]

LINES = (
    TableColumn("quantity", right=True),
    "offer",
    "name",
    TableColumn("price", right=True),
    TableColumn("line total", right=True),
)
FINDINGS = ("code", "message", "path", "what to do")
EVENTS = (TableColumn("position", right=True), TableColumn("version", right=True), "type", "what")
MESSAGES = (
    "topic",
    TableColumn("partition", right=True),
    TableColumn("offset", right=True),
    "ce_id",
    "ce_type",
)


class Presenter:
    def __init__(self, out: Output = STDOUT) -> None:
        self._out = out
        self.failures: list[str] = []

    def expect(self, holds: bool, failure: str) -> None:
        """Keeps and shows the failure unless it holds."""
        if not holds:
            self.failures.append(failure)
            self._out.say(f"  ✗ not as it should be: {failure}", style="bold red")

    def chapter(self, title: str) -> None:
        self._out.say()
        self._out.say(f"── {title}", style="bold")

    def say(self, text: str) -> None:
        for line in text.split("\n"):
            self._out.say(line)

    def call(self, partner: str, request: str, status: int, note: str) -> None:
        """One call and the status of its response, in a line."""
        style = "green" if status < 400 else "yellow"
        self._out.say((f"  {partner:<10}", "cyan"), f"{request} ", (f"→ {status} ", style), (note, "dim"))

    def json(self, title: str, document: Document) -> None:
        self._out.say(title, style="bold")
        self.say(json.dumps(document, indent=2, ensure_ascii=False))

    def order(self, title: str, order: Document) -> None:
        """A basket's lines and total."""
        rows = [
            [
                str(item["quantity"]),
                item["offer"]["id"],
                item["offer"]["name"] or "unknown",
                format_money(item["price"]),
                format_money(item["lineTotal"]),
            ]
            for item in order["orderItems"]
        ]
        self._table(title, LINES, rows)
        self._out.say(f"total {format_order_total(order) or NOTHING}", style="bold")

    def verdict(self, verdict: Document) -> None:
        """Ready or not, and every finding."""
        result = "ready: an order may be placed" if verdict["ready"] else "not ready"
        self._out.say(f"  verdict on version {verdict['basketVersion']}: {result}", style="bold")
        findings = [*verdict["blockedProducts"], *verdict["validationErrors"]]
        if findings:
            members = ("code", "message", "path", "resolution")
            self._table("findings", FINDINGS, [[each[name] for name in members] for each in findings])
        evidence = verdict["evidence"]
        self.say(f"  it rests on {len(evidence)} catalogue facts, such as {evidence[:2]}")

    def events(self, title: str, entries: Sequence[HistoryEntry]) -> None:
        rows = [[str(entry.position), str(entry.version), entry.type, entry.words] for entry in entries]
        self._table(title, EVENTS, rows)

    def messages(self, title: str, messages: Sequence[Document]) -> None:
        members = ("topic", "partition", "offset", "ce_id", "ce_type")
        self._table(title, MESSAGES, [[str(each[name]) for name in members] for each in messages])

    def _table(self, title: str, columns: Sequence[TableColumn | str], rows: Sequence[Sequence[str]]) -> None:
        self._out.say(title, style="bold")
        self._out.table(columns, rows)
