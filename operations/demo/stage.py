"""How the demo shows things, and what it noticed that was not as it should be."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Document = dict[str, Any]


class Stage:
    """Shows the demo on a console and keeps what went wrong."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.wrong: list[str] = []

    def expect(self, holds: bool, what: str) -> None:
        """Remembers and shows what did not hold."""
        if not holds:
            self.wrong.append(what)
            self.console.print(Text(f"  ✗ not as it should be: {what}", style="bold red"))

    def chapter(self, title: str) -> None:
        self.console.print()
        self.console.rule(Text(title, style="bold"), align="left")

    def say(self, words: str) -> None:
        self.console.print(Text(words))

    def call(self, who: str, line: str, status: int, note: str) -> None:
        """One call and its answer in a line."""
        style = "green" if status < 400 else "yellow"
        text = Text.assemble(
            (f"  {who:<10}", "cyan"), (f"{line} ", ""), (f"→ {status} ", style), (note, "dim")
        )
        self.console.print(text, overflow="ellipsis", no_wrap=True)

    def answer(self, title: str, document: Document) -> None:
        """An answer's JSON, indented."""
        body = json.dumps(document, indent=2, ensure_ascii=False)
        self.console.print(
            Panel(Text(body), title=title, title_align="left", border_style="dim", expand=False)
        )

    def order(self, title: str, order: Document) -> None:
        """A basket's lines and total."""
        table = _table(title, "quantity", "offer", "name", "price", "line total")
        for item in order["orderItems"]:
            table.add_row(
                str(item["quantity"]),
                item["offer"]["id"],
                item["offer"]["name"] or "unknown",
                _money(item["price"]),
                _money(item["lineTotal"]),
            )
        table.add_section()
        table.add_row("", "", "total", "", _money(order["total"]), style="bold")
        self.console.print(table)

    def findings(self, verdict: Document) -> None:
        """A verdict: ready or not, and every finding."""
        ready = verdict["ready"]
        words = "ready: an order may be placed" if ready else "not ready"
        self.console.print(Text(f"  verdict on version {verdict['basketVersion']}: {words}", style="bold"))
        findings = [*verdict["blockedProducts"], *verdict["validationErrors"]]
        if findings:
            table = _table("findings", "code", "message", "path", "what to do")
            for finding in findings:
                table.add_row(finding["code"], finding["message"], finding["path"], finding["resolution"])
            self.console.print(table)
        self.say(
            f"  it rests on {len(verdict['evidence'])} catalogue facts, such as {verdict['evidence'][:2]}"
        )

    def events(self, title: str, rows: list[Document]) -> None:
        """Events as they lie in PostgreSQL."""
        table = _table(title, "position", "version", "type", "what")
        for row in rows:
            table.add_row(
                str(row["position"]), str(row["version"]), row["type"], _in_words(row["type"], row["data"])
            )
        self.console.print(table)

    def messages(self, title: str, rows: list[Document]) -> None:
        """Kafka messages as a consumer read them."""
        table = _table(title, "topic", "partition", "offset", "ce_id", "ce_type")
        for row in rows:
            table.add_row(
                row["topic"], str(row["partition"]), str(row["offset"]), row["ce_id"][-9:], row["ce_type"]
            )
        self.console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=True
    )
    for column in columns:
        number = column in {"position", "version", "quantity", "price", "line total", "partition", "offset"}
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


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
            return f"item {data['orderItemId'][:13]}…, {data['reason']}"
        case "basket-validated":
            count = len(data["blockedProducts"]) + len(data["validationErrors"])
            return f"{'ready' if data['ready'] else 'not ready'}, {count} findings on version {data['basketVersion']}"
        case "basket-completed":
            return f"order {data['orderId']}"
        case _:
            return ""
