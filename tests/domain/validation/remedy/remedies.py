"""Finds the remedy of a basket by facts, and checks what holds for every remedy."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic_core import to_json

from adapters.wire.prefer_header import Handling
from adapters.wire.request_parser import parse_update
from adapters.wire.requests import RequestLimits
from domain.basket.basket import Basket
from domain.basket.decision import BasketLimits, DecisionContext
from domain.basket.update import apply_actions
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact
from domain.catalogue.policies import PolicyTerms
from domain.shared.findings import LeadsTo, Remedy, Verdict
from domain.shared.money import OrderTotal
from domain.validation.remedy.finder import find_remedy
from domain.validation.validate import build_context, run_checks
from tests.builders import NOW, SequentialIds, catalogue

LIMITS = BasketLimits()
NO_TERMS = PolicyTerms()


def remedy_of(given: Basket, *facts: Fact, now: datetime = NOW, limits: BasketLimits = LIMITS) -> Remedy | None:
    known = catalogue(*facts)
    return remedy_by(given, known, now=now, limits=limits)[1]


def remedy_by(
    given: Basket, known: Catalogue, *, now: datetime = NOW, limits: BasketLimits = LIMITS
) -> tuple[Verdict, Remedy | None]:
    """The verdict and its remedy. The remedy, sent as it stands, leads to what it says."""
    context = build_context(given, known, now, NO_TERMS)
    verdict = run_checks(context)
    remedy = find_remedy(context, known, verdict.findings, limits).remedy
    if remedy is not None:
        after = sent(given, known, remedy, now=now, limits=limits)
        assert remedy.leads_to == leads_to(after, known, now=now)
        assert 0 < len(remedy.order_item_actions) <= limits.max_actions
    return verdict, remedy


def sent(
    given: Basket, known: Catalogue, remedy: Remedy, *, now: datetime = NOW, limits: BasketLimits = LIMITS
) -> Basket:
    """The basket after an update with the remedy's actions as the response has them."""
    body = json.loads(to_json({"orderItemActions": remedy.order_item_actions}))
    strict = RequestLimits(limits.max_quantity, limits.max_items, limits.max_actions)
    command = parse_update(body, strict, basket_id=given.id, handling=Handling("strict")).command
    after = given.fork()
    apply_actions(DecisionContext(after, known, SequentialIds(), now, limits), command.actions)
    return after


def leads_to(given: Basket, known: Catalogue, *, now: datetime = NOW) -> LeadsTo:
    """What a validation says of a basket, in a remedy's words."""
    verdict = run_checks(build_context(given, known, now, NO_TERMS))
    codes = tuple(sorted({finding.code for finding in verdict.findings}))
    total = None if given.total is None else OrderTotal.of(given.total)
    return LeadsTo(ready=verdict.ready, total=total, remaining=codes)


def actions_of(remedy: Remedy | None) -> list[tuple[object, ...]]:
    """Each action as a short tuple."""
    return [] if remedy is None else [tuple(_short(action)) for action in remedy.order_item_actions]


def _short(action: object) -> list[object]:
    document = json.loads(to_json(action))
    kind = document.pop("orderItemActionType")
    id = document.pop("id")
    if "offer" in document:
        document["offer"] = f"{document['offer']['id']}@{document['offer']['version']}"
    if "expectedPrice" in document:
        document["expectedPrice"] = " ".join(filter(None, document["expectedPrice"].values()))
    return [kind, id, *document.values()]
