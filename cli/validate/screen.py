"""What people see of a basket that was judged again."""

from __future__ import annotations

import json

from cli.output import STDOUT, Output, StyledText
from domain.catalogue.facts import Fact
from domain.shared.findings import Finding
from domain.validation.explain import explain_verdict
from domain.validation.revalidate_as_of import AsOfVerdict, StoredVerdict
from domain.validation.verdict_diff import VerdictDiff, diff_verdicts

_STYLES = {"passed": "green", "found": "red", "crashed": "bold red", "off": "dim"}


def show(rejudged: AsOfVerdict, *, explained: bool, out: Output = STDOUT) -> None:
    """The verdict, what differs from the recorded one, and on request each check and each fact."""
    basket, verdict = rejudged.basket, rejudged.verdict
    out.say(
        f"{basket.id} at version {basket.version}, as of {_time(rejudged.at)}, by the catalogue up to "
        f"position {rejudged.catalogue.position}: {_ready(verdict.ready)}"
    )
    for finding in (*verdict.blocked_products, *verdict.validation_errors):
        out.say(_line("  ", finding))
    if rejudged.stored is not None:
        _show_stored(out, rejudged, rejudged.stored)
    elif rejudged.last is not None:
        _show_last(out, rejudged, rejudged.last)
    if explained:
        out.say()
        _checks(out, rejudged)
        out.say()
        _facts(out, rejudged)


def _show_stored(out: Output, rejudged: AsOfVerdict, stored: StoredVerdict) -> None:
    difference = diff_verdicts(stored.verdict, rejudged.verdict)
    if difference.in_findings:
        out.say(f"The verdict that version {stored.version} recorded says something else:", style="bold")
        _show_difference(out, difference, "stored", "found")
    else:
        out.say(f"This is what version {stored.version} recorded.")
    for sign, ids in (("-", difference.evidence_gone), ("+", difference.evidence_new)):
        for id in ids:
            out.say(f"  {sign} evidence {id}")


def _show_last(out: Output, rejudged: AsOfVerdict, last: StoredVerdict) -> None:
    difference = diff_verdicts(last.verdict, rejudged.verdict)
    said = f"the last verdict, version {last.version} of {_time(last.at)}, {_ready(last.verdict.ready)}"
    if difference.in_findings:
        out.say(f"Other than {said}:")
        _show_difference(out, difference, "then", "now")
    else:
        out.say(f"The same as {said}.")


def _show_difference(out: Output, difference: VerdictDiff, before: str, after: str) -> None:
    for finding in difference.gone:
        out.say(_line(f"  - {before}: ", finding), style="red")
    for finding in difference.new:
        out.say(_line(f"  + {after}: ", finding), style="green")


def _line(before: str, finding: Finding) -> str:
    data = json.dumps(finding.model_dump(mode="json", by_alias=True)["data"], ensure_ascii=False)
    return f"{before}{finding.severity} {finding.code} at {finding.path}: {finding.message} {data}"


def _checks(out: Output, rejudged: AsOfVerdict) -> None:
    rows: list[list[StyledText]] = []
    numbers = _numbers(rejudged)
    for each in explain_verdict(rejudged.verdict):
        why = "; ".join(finding.message for finding in each.findings)
        if each.outcome == "passed":
            why = f"not so: {each.meaning}"
        elif each.outcome == "off":
            why = "the policy turned it off"
        by = " ".join(str(numbers[id]) for id in each.evidence if id in numbers)
        rows.append([each.code, (each.outcome, _STYLES[each.outcome]), each.looks_at, why, by])
    out.table(("check", "outcome", "looked at", "why", "by"), rows)


def _facts(out: Output, rejudged: AsOfVerdict) -> None:
    """Facts that were known and that nothing rests on are told too: they may be why something is missing."""
    rows: list[list[StyledText]] = []
    known = {fact.fact_id: fact for fact in rejudged.catalogue.facts()}
    used = {*rejudged.verdict.evidence}
    for id, number in _numbers(rejudged).items():
        style = "" if id in used else "dim"
        rows.append([str(number), (id, style), (_content(known[id]), style)])
    out.table(("no.", "fact", "says"), rows)


def _numbers(rejudged: AsOfVerdict) -> dict[str, int]:
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
