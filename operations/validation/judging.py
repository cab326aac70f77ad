"""One basket judged again, and what is said of it in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from adapters.wiring import open_parts
from domain.validation.comparing import Difference, compare
from domain.validation.explaining import explain
from domain.validation.rejudging import Rejudged, StoredVerdict
from operations.runner import settings as known_settings

Document = dict[str, Any]


async def rejudge(basket_id: str, as_of: datetime | None, at_version: int | None) -> Rejudged:
    """Raises BasketNotFound, NothingThen, NotConfigured and StoreUnavailable."""
    async with open_parts(known_settings()) as parts:
        if at_version is not None:
            return await parts.rejudging.at_version(basket_id, at_version)
        if as_of is not None:
            return await parts.rejudging.as_of(basket_id, as_of)
        return await parts.rejudging.now(basket_id)


def as_it_should_be(rejudged: Rejudged) -> bool:
    """The same as was recorded about it; or ready, where nothing was."""
    if rejudged.stored is None:
        return rejudged.verdict.ready
    return not compare(rejudged.stored.verdict, rejudged.verdict).in_findings


def document(rejudged: Rejudged, *, explained: bool) -> Document:
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
        "equal": None if stored is None else as_it_should_be(rejudged),
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
            for each in explain(verdict)
        ]
        said["facts"] = {fact.fact_id: fact for fact in rejudged.catalogue.facts()}
    made: Document = to_jsonable_python(said)
    return made


def _recorded(rejudged: Rejudged, recorded: StoredVerdict | None) -> Document | None:
    if recorded is None:
        return None
    return {
        "version": recorded.version,
        "basketVersion": recorded.judged_version,
        "validatedAt": recorded.at,
        "ready": recorded.verdict.ready,
        "difference": _difference(compare(recorded.verdict, rejudged.verdict)),
    }


def _difference(difference: Difference) -> Document:
    return {
        "gone": difference.gone,
        "new": difference.new,
        "evidenceGone": difference.evidence_gone,
        "evidenceNew": difference.evidence_new,
    }
