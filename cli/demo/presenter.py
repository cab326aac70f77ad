"""How the demo shows things, and what it noticed that was not as it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output import STDOUT, Output, TableColumn

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
    """Shows the demo and keeps what went wrong."""

    def __init__(self, out: Output = STDOUT) -> None:
        self._out = out
        self.wrong: list[str] = []

    def expect(self, holds: bool, what: str) -> None:
        """Remembers and shows what did not hold."""
        if not holds:
            self.wrong.append(what)
            self._out.say(f"  ✗ not as it should be: {what}", style="bold red")

    def chapter(self, title: str) -> None:
        self._out.say()
        self._out.say(f"── {title}", style="bold")

    def say(self, words: str) -> None:
        for line in words.split("\n"):
            self._out.say(line)

    def call(self, who: str, line: str, status: int, note: str) -> None:
        """One call and its answer in a line."""
        style = "green" if status < 400 else "yellow"
        self._out.say((f"  {who:<10}", "cyan"), f"{line} ", (f"→ {status} ", style), (note, "dim"))

    def answer(self, title: str, document: Document) -> None:
        """An answer's JSON, indented."""
        self._out.say(title, style="bold")
        self.say(json.dumps(document, indent=2, ensure_ascii=False))

    def order(self, title: str, order: Document) -> None:
        """A basket's lines and total."""
        rows = [
            [
                str(item["quantity"]),
                item["offer"]["id"],
                item["offer"]["name"] or "unknown",
                _money(item["price"]),
                _money(item["lineTotal"]),
            ]
            for item in order["orderItems"]
        ]
        self._table(title, LINES, rows)
        self._out.say(f"total {_money(order['total'])}", style="bold")

    def findings(self, verdict: Document) -> None:
        """A verdict: ready or not, and every finding."""
        ready = verdict["ready"]
        words = "ready: an order may be placed" if ready else "not ready"
        self._out.say(f"  verdict on version {verdict['basketVersion']}: {words}", style="bold")
        found = [*verdict["blockedProducts"], *verdict["validationErrors"]]
        if found:
            rows = [[each["code"], each["message"], each["path"], each["resolution"]] for each in found]
            self._table("findings", FINDINGS, rows)
        self.say(
            f"  it rests on {len(verdict['evidence'])} catalogue facts, such as {verdict['evidence'][:2]}"
        )

    def events(self, title: str, rows: list[Document]) -> None:
        """Events as they lie in PostgreSQL."""
        cells = [
            [str(row["position"]), str(row["version"]), row["type"], _in_words(row["type"], row["data"])]
            for row in rows
        ]
        self._table(title, EVENTS, cells)

    def messages(self, title: str, rows: list[Document]) -> None:
        """Kafka messages as a consumer read them."""
        cells = [
            [row["topic"], str(row["partition"]), str(row["offset"]), row["ce_id"], row["ce_type"]]
            for row in rows
        ]
        self._table(title, MESSAGES, cells)

    def _table(self, title: str, columns: Sequence[TableColumn | str], rows: Sequence[Sequence[str]]) -> None:
        self._out.say(title, style="bold")
        self._out.table(columns, rows)


def _money(money: Document | None) -> str:
    return "–" if money is None else f"{money['amount']} {money['currency']}"


def _in_words(type: str, data: Document) -> str:
    match type.split(".")[1]:
        case "basket-initiated":
            return f"by {data['partner']}, external id {data['details']['external_id']}"
        case "order-item-added":
            item = data["orderItem"]
            return f"{item['quantity']} × {item['offer']['name'] or item['offer']['id']} at {_money(item['price'])}"
        case "order-item-quantity-changed":
            return f"{data['before']} → {data['after']}"
        case "order-item-price-expected":
            return f"{_money(data['before'])} → {_money(data['after'])}"
        case "order-item-removed":
            return f"item {data['orderItemId']}, {data['reason']}"
        case "basket-validated":
            count = len(data["blockedProducts"]) + len(data["validationErrors"])
            return f"{'ready' if data['ready'] else 'not ready'}, {count} findings on version {data['basketVersion']}"
        case "basket-completed":
            return f"order {data['orderId']}"
        case _:
            return ""
