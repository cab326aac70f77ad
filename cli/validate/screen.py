"""The result of validating one basket again, as JSON and for people."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_jsonable_python

from cli.output import STDOUT, Output, StyledText
from cli.show import print_remedy
from domain.basket.serialization import serialize_remedy
from domain.catalogue.facts import Fact
from domain.shared.findings import Finding
from domain.shared.formatting import format_time
from domain.validation.explain import explain_verdict
from domain.validation.revalidate_as_of import AsOfVerdict, StoredVerdict
from domain.validation.verdict_diff import VerdictDiff, diff_verdicts

_STYLES = {"passed": "green", "found": "red", "crashed": "bold red", "off": "dim"}


def is_as_expected(result: AsOfVerdict) -> bool:
    """Whether the findings are those of the recorded verdict; without one, whether the basket is ready."""
    if result.stored is None:
        return result.verdict.ready
    return not diff_verdicts(result.stored.verdict, result.verdict).in_findings


def as_of_json(result: AsOfVerdict, *, explain: bool) -> dict[str, Any]:
    verdict = result.verdict
    document: dict[str, Any] = {
        "basket": result.basket.id,
        "basketVersion": result.basket.version,
        "judgedAsOf": result.at,
        "cataloguePosition": result.catalogue.position,
        "ready": verdict.ready,
        "blockedProducts": verdict.blocked_products,
        "validationErrors": verdict.validation_errors,
        "evidence": verdict.evidence,
        "remedy": serialize_remedy(result.remedy, _version_after(result)),
        "stored": _stored_json(result, result.stored),
        "equal": None if result.stored is None else is_as_expected(result),
        "lastVerdict": _stored_json(result, result.last),
    }
    if explain:
        document["checks"] = [
            {
                "code": each.code,
                "looksAt": each.looks_at,
                "outcome": each.outcome,
                "findings": each.findings,
                "evidence": each.evidence,
            }
            for each in explain_verdict(verdict)
        ]
        document["facts"] = {fact.fact_id: fact for fact in result.catalogue.facts()}
    jsonable: dict[str, Any] = to_jsonable_python(document)
    return jsonable


def _version_after(result: AsOfVerdict) -> int:
    """The version that a remedy applies to: that of the recorded verdict, or of the basket, which stays as it is."""
    return result.basket.version if result.stored is None else result.stored.version


def _stored_json(result: AsOfVerdict, stored: StoredVerdict | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    diff = diff_verdicts(stored.verdict, result.verdict)
    return {
        "version": stored.version,
        "basketVersion": stored.validated_version,
        "validatedAt": stored.at,
        "ready": stored.verdict.ready,
        "remedy": serialize_remedy(stored.remedy, stored.version),
        "promise": stored.promise,
        "difference": {
            "gone": diff.gone,
            "new": diff.new,
            "evidenceGone": diff.evidence_gone,
            "evidenceNew": diff.evidence_new,
        },
    }


def show(result: AsOfVerdict, *, explain: bool, out: Output = STDOUT) -> None:
    """Prints the verdict and its difference from a recorded one; to `explain`, each check and each fact."""
    basket, verdict = result.basket, result.verdict
    out.say(
        f"{basket.id} at version {basket.version}, as of {format_time(result.at, 'auto')}, by the catalogue up "
        f"to position {result.catalogue.position}: {_ready(verdict.ready)}"
    )
    for finding in verdict.findings:
        out.say(_line("  ", finding))
    print_remedy(to_jsonable_python(serialize_remedy(result.remedy, _version_after(result))), out)
    if result.stored is not None:
        _show_stored(out, result, result.stored)
    elif result.last is not None:
        _show_last(out, result, result.last)
    if explain:
        numbers = _fact_numbers(result)
        out.say()
        _show_checks(out, result, numbers)
        out.say()
        _show_facts(out, result, numbers)


def _show_stored(out: Output, result: AsOfVerdict, stored: StoredVerdict) -> None:
    diff = diff_verdicts(stored.verdict, result.verdict)
    if diff.in_findings:
        out.say(f"The verdict that version {stored.version} recorded says something else:", style="bold")
        _show_diff(out, diff, "stored", "found")
    else:
        out.say(f"Version {stored.version} recorded the same.")
    for sign, ids in (("-", diff.evidence_gone), ("+", diff.evidence_new)):
        for id in ids:
            out.say(f"  {sign} evidence {id}")


def _show_last(out: Output, result: AsOfVerdict, last: StoredVerdict) -> None:
    diff = diff_verdicts(last.verdict, result.verdict)
    verdict = f"the last verdict (version {last.version}, {format_time(last.at, 'auto')}, {_ready(last.verdict.ready)})"
    if diff.in_findings:
        out.say(f"It differs from {verdict}:")
        _show_diff(out, diff, "then", "now")
    else:
        out.say(f"It is the same as {verdict}.")


def _show_diff(out: Output, diff: VerdictDiff, before: str, after: str) -> None:
    for finding in diff.gone:
        out.say(_line(f"  - {before}: ", finding), style="red")
    for finding in diff.new:
        out.say(_line(f"  + {after}: ", finding), style="green")


def _line(prefix: str, finding: Finding) -> str:
    data = json.dumps(finding.model_dump(mode="json", by_alias=True)["data"], ensure_ascii=False)
    return f"{prefix}{finding.severity} {finding.code} at {finding.path}: {finding.message} {data}"


def _show_checks(out: Output, result: AsOfVerdict, numbers: dict[str, int]) -> None:
    rows: list[list[StyledText]] = []
    for each in explain_verdict(result.verdict):
        why = "; ".join(finding.message for finding in each.findings)
        if each.outcome == "passed":
            why = f"not so: {each.meaning}"
        elif each.outcome == "off":
            why = "no policy turns it on" if each.is_optional else "the policy turned it off"
        facts = " ".join(str(numbers[id]) for id in each.evidence if id in numbers)
        rows.append([each.code, (each.outcome, _STYLES[each.outcome]), each.looks_at, why, facts])
    out.table(("check", "outcome", "looked at", "why", "facts"), rows)


def _show_facts(out: Output, result: AsOfVerdict, numbers: dict[str, int]) -> None:
    """Prints unused facts too, dimmed: they may be the reason why something is missing."""
    rows: list[list[StyledText]] = []
    facts = {fact.fact_id: fact for fact in result.catalogue.facts()}
    for id, number in numbers.items():
        style = "" if id in result.verdict.evidence else "dim"
        rows.append([str(number), (id, style), (_content(facts[id]), style)])
    out.table(("no.", "fact", "says"), rows)


def _fact_numbers(result: AsOfVerdict) -> dict[str, int]:
    """A short number for each known fact; the evidence of the verdict comes first."""
    used = {*result.verdict.evidence}
    ids = sorted((fact.fact_id for fact in result.catalogue.facts()), key=lambda each: (each not in used, each))
    return {id: number for number, id in enumerate(ids, 1)}


def _content(fact: Fact) -> str:
    return fact.model_dump_json(by_alias=True, exclude_none=True, exclude={"kind", "sequence"})


def _ready(ready: bool) -> str:
    return "ready" if ready else "not ready"
