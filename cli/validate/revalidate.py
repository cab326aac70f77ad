"""One basket judged again, and what is said of it in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from adapters.container import open_operator_container
from cli.runner import load_settings
from domain.validation.explain import explain_verdict
from domain.validation.revalidate_as_of import AsOfVerdict, StoredVerdict
from domain.validation.verdict_diff import VerdictDiff, diff_verdicts

Document = dict[str, Any]


async def revalidate_as_of(basket_id: str, as_of: datetime | None, at_version: int | None) -> AsOfVerdict:
    """Raises BasketNotFound, NotFoundAsOf, MissingSetting and StoreUnavailable."""
    async with open_operator_container(load_settings()) as parts:
        if at_version is not None:
            return await parts.as_of_validator.at_version(basket_id, at_version)
        if as_of is not None:
            return await parts.as_of_validator.as_of(basket_id, as_of)
        return await parts.as_of_validator.now(basket_id)


def is_as_expected(rejudged: AsOfVerdict) -> bool:
    """The same as was recorded about it; or ready, where nothing was."""
    if rejudged.stored is None:
        return rejudged.verdict.ready
    return not diff_verdicts(rejudged.stored.verdict, rejudged.verdict).in_findings


def document(rejudged: AsOfVerdict, *, explained: bool) -> Document:
    """All that is known of it."""
    verdict, stored = rejudged.verdict, rejudged.stored
    said: Document = {
        "basket": rejudged.basket.id,
        "basketVersion": rejudged.basket.version,
        "judgedAsOf": rejudged.at,
        "cataloguePosition": rejudged.catalogue.position,
        "ready": verdict.ready,
        "blockedProducts": verdict.blocked_products,
        "validationErrors": verdict.validation_errors,
        "evidence": verdict.evidence,
        "stored": _recorded(rejudged, stored),
        "equal": None if stored is None else is_as_expected(rejudged),
        "lastVerdict": _recorded(rejudged, rejudged.last),
    }
    if explained:
        said["checks"] = [
            {
                "code": each.code,
                "looksAt": each.looks_at,
                "outcome": each.outcome,
                "findings": each.findings,
                "evidence": each.evidence,
            }
            for each in explain_verdict(verdict)
        ]
        said["facts"] = {fact.fact_id: fact for fact in rejudged.catalogue.facts()}
    made: Document = to_jsonable_python(said)
    return made


def _recorded(rejudged: AsOfVerdict, recorded: StoredVerdict | None) -> Document | None:
    if recorded is None:
        return None
    return {
        "version": recorded.version,
        "basketVersion": recorded.validated_version,
        "validatedAt": recorded.at,
        "ready": recorded.verdict.ready,
        "difference": _difference(diff_verdicts(recorded.verdict, rejudged.verdict)),
    }


def _difference(difference: VerdictDiff) -> Document:
    return {
        "gone": difference.gone,
        "new": difference.new,
        "evidenceGone": difference.evidence_gone,
        "evidenceNew": difference.evidence_new,
    }
