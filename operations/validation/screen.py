"""What people see of a basket that was judged again."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.catalogue.facts import Fact
from domain.validation.comparing import Difference, compare
from domain.validation.explaining import explain
from domain.validation.findings import Finding
from domain.validation.rejudging import Rejudged, StoredVerdict

_STYLES = {"passed": "green", "found": "red", "crashed": "bold red", "off": "dim"}
_PLAIN: dict[str, Any] = {"box": None, "header_style": "dim"}


def show(rejudged: Rejudged, *, explained: bool, console: Console | None = None) -> None:
    """The verdict, what differs from the recorded one, and on request each check and each fact."""
    out = console or Console(highlight=False)
    basket, verdict = rejudged.basket, rejudged.verdict
    out.print(
        f"{basket.id} at version {basket.version}, as of {_time(rejudged.at)}, by the catalogue up to "
        f"position {rejudged.catalogue.position}: {_ready(verdict.ready)}",
        markup=False,
        soft_wrap=True,
    )
    for finding in (*verdict.blocked_products, *verdict.validation_errors):
        out.print(_line("  ", finding), soft_wrap=True)
    if rejudged.stored is not None:
        _show_stored(out, rejudged, rejudged.stored)
    elif rejudged.last is not None:
        _show_last(out, rejudged, rejudged.last)
    if explained:
        out.print()
        _checks(out, rejudged)
        out.print()
        _facts(out, rejudged)


def _show_stored(out: Console, rejudged: Rejudged, stored: StoredVerdict) -> None:
    difference = compare(stored.verdict, rejudged.verdict)
    if difference.in_findings:
        out.print(f"The verdict that version {stored.version} recorded says something else:", style="bold")
        _show_difference(out, difference, "stored", "found")
    else:
        out.print(f"This is what version {stored.version} recorded.")
    for sign, ids in (("-", difference.evidence_gone), ("+", difference.evidence_new)):
        for id in ids:
            out.print(f"  {sign} evidence {id}", markup=False, soft_wrap=True)


def _show_last(out: Console, rejudged: Rejudged, last: StoredVerdict) -> None:
    difference = compare(last.verdict, rejudged.verdict)
    said = f"the last verdict, version {last.version} of {_time(last.at)}, {_ready(last.verdict.ready)}"
    if difference.in_findings:
        out.print(f"Other than {said}:")
        _show_difference(out, difference, "then", "now")
    else:
        out.print(f"The same as {said}.")


def _show_difference(out: Console, difference: Difference, before: str, after: str) -> None:
    for finding in difference.gone:
        out.print(_line(f"  - {before}: ", finding, "red"), soft_wrap=True)
    for finding in difference.new:
        out.print(_line(f"  + {after}: ", finding, "green"), soft_wrap=True)


def _line(before: str, finding: Finding, style: str = "") -> Text:
    data = json.dumps(finding.model_dump(mode="json", by_alias=True)["data"])
    said = f"{before}{finding.severity} {finding.code} at {finding.path}: {finding.message} {data}"
    return Text(said, style=style)


def _checks(out: Console, rejudged: Rejudged) -> None:
    table = Table("check", "outcome", "looked at", "why", "by", **_PLAIN)
    numbers = _numbers(rejudged)
    for each in explain(rejudged.verdict):
        why = "; ".join(finding.message for finding in each.findings)
        if each.outcome == "passed":
            why = f"not so: {each.meaning}"
        elif each.outcome == "off":
            why = "the policy turned it off"
        table.add_row(
            Text(each.code),
            Text(each.outcome, style=_STYLES[each.outcome]),
            Text(each.looks_at),
            Text(why),
            Text(" ".join(str(numbers[id]) for id in each.evidence if id in numbers)),
        )
    out.print(table)


def _facts(out: Console, rejudged: Rejudged) -> None:
    """Facts that were known and that nothing rests on are told too: they may be why something is missing."""
    table = Table("", "fact", "says", **_PLAIN)
    known = {fact.fact_id: fact for fact in rejudged.catalogue.facts()}
    used = {*rejudged.verdict.evidence}
    for id, number in _numbers(rejudged).items():
        style = "" if id in used else "dim"
        table.add_row(str(number), Text(id, style=style), Text(_content(known[id]), style=style))
    out.print(table)


def _numbers(rejudged: Rejudged) -> dict[str, int]:
    """A short number for each fact that was known, those that the verdict rests on first."""
    known = sorted(fact.fact_id for fact in rejudged.catalogue.facts())
    used = {*rejudged.verdict.evidence}
    return {id: number for number, id in enumerate(sorted(known, key=lambda fact_id: fact_id not in used), 1)}


def _content(fact: Fact) -> str:
    return fact.model_dump_json(by_alias=True, exclude_none=True, exclude={"kind", "sequence"})


def _time(moment: object) -> str:
    return str(moment).replace("+00:00", "Z").replace(" ", "T")


def _ready(ready: bool) -> str:
    return "ready" if ready else "not ready"
