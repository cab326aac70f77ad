"""A verdict with what it rests on: each finding with its facts, and what each fact says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import ui

from api.console.components.async_panel import AsyncPanel
from api.console.components.formatting import count_text, exact_timestamp, timestamp_text
from api.console.components.page_frame import page_frame
from api.console.components.widgets import (
    PagedList,
    Table,
    badge,
    box,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
)
from api.console.page_context import ConsoleContext
from api.console.pages.search import require_basket_id
from domain.catalogue.facts import Fact
from domain.operators.history.verdict_reader import VerdictDetails
from domain.shared.findings import Finding, Resolution
from domain.validation.checks import CHECKS

FINDINGS_AT_ONCE = 50
FACTS_AT_ONCE = 100

RESOLUTIONS: dict[Resolution, str] = {
    "retry": "try again",
    "change_basket": "change the basket",
    "contact_seller": "contact the seller",
}
_MEANINGS = {check.code: check.meaning for check in CHECKS}
_IN_THE_ID = {"kind", "sequence", "id", "version", "offer_id", "offer_version", "product_code"}


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets/{basket_id}/verdicts/{version}")
    def verdict(basket_id: str, version: int) -> None:
        visit = console.visit()
        trail = (basket_id, f"/baskets/{basket_id}?version={version}")
        with page_frame(visit, f"Verdict of version {version}", "/baskets", trail=trail):
            AsyncPanel(partial(_read, console, basket_id, version), partial(_draw, basket_id), lines=10)


async def _read(console: ConsoleContext, basket_id: str, version: int) -> VerdictDetails:
    require_basket_id(basket_id)
    return await console.judgements.of(basket_id, version)


def _draw(basket_id: str, verdict: VerdictDetails) -> None:
    with box("stack"):
        _draw_result(verdict)
        with panel("What was judged", marker="judged"), box("body"):
            definition_list(
                [
                    ("Basket", partial(link, basket_id, f"/baskets/{basket_id}", "mono")),
                    (
                        "Version judged",
                        partial(
                            link,
                            f"version {verdict.basket_version}",
                            f"/baskets/{basket_id}?version={verdict.basket_version}",
                        ),
                    ),
                    (
                        "Judged",
                        partial(
                            safe_text,
                            f"{timestamp_text(verdict.validated_at)} UTC",
                            title=exact_timestamp(verdict.validated_at),
                        ),
                    ),
                    ("Catalogue position", verdict.catalogue_position),
                    ("Rests on", count_text(len(verdict.evidence), "fact")),
                ]
            )
        if verdict.findings:
            with panel("Findings", count_text(len(verdict.findings), "finding"), marker="findings"):
                PagedList(verdict.findings, partial(_draw_finding, verdict.facts), box(), FINDINGS_AT_ONCE)
        with panel("Evidence", "each fact that the verdict rests on, and what it says", marker="evidence"):
            _draw_evidence(verdict)
        _draw_passed(verdict)


def _draw_result(verdict: VerdictDetails) -> None:
    errors = sum(finding.severity == "error" for finding in verdict.findings)
    warnings = len(verdict.findings) - errors
    found = [count_text(errors, "error")] if errors else []
    found += [count_text(warnings, "warning")] if warnings else []
    said = f": {' and '.join(found)}" if found else ""
    if verdict.ready:
        notice(f"Ready to become an order{said}.", "good", "check_circle")
    else:
        notice(f"Not ready{said}.", "bad", "error")


def _draw_finding(known: Mapping[str, Fact], finding: Finding) -> None:
    tone = "bad" if finding.severity == "error" else "warn"
    with box("finding") as place:
        place.props["data-finding"] = finding.code
        with box("line"):
            badge(finding.severity, tone)  # type: ignore[arg-type]
            safe_text(finding.code, "mono strong", title=_MEANINGS.get(finding.code))
            safe_text(f"→ {RESOLUTIONS[finding.resolution]}", "soft small")
        safe_text(finding.message, "message", tag="div")
        about = [
            ("line", finding.order_item_id),
            ("offer", finding.offer_id),
            ("product", finding.product_code),
        ]
        with box("line soft small"):
            safe_text(finding.path, "mono")
            for name, subject in about:
                if subject is not None:
                    safe_text(f"{name} {subject}")
        if finding.data:
            with box("line small"):
                for name, value in finding.data.items():
                    if value is not None:
                        safe_text(f"{name}: {says(value)}", "badge wraps")
        if finding.evidence:
            with box("rests"):
                for fact_id in finding.evidence:
                    _draw_fact(fact_id, known.get(fact_id))


def _draw_fact(fact_id: str, fact: Fact | None) -> None:
    with box("fact") as place:
        place.props["data-fact"] = fact_id
        safe_text(fact_id, "mono", tag="div")
        if fact is None:
            safe_text("was never recorded here", "bad-ink small", tag="div")
        else:
            safe_text(content(fact), "soft small", tag="div")


def _draw_evidence(verdict: VerdictDetails) -> None:
    if not verdict.evidence:
        empty_state(
            "menu_book", "It rests on no fact", "Nothing of the catalogue was known about this basket."
        )
        return
    used: dict[str, list[str]] = {}
    for finding in verdict.findings:
        for fact_id in finding.evidence:
            used.setdefault(fact_id, []).append(finding.code)
    table = Table(("Fact", "lead"), ("Says", ""), ("Found by it", ""), name="Evidence")

    def draw_row(fact_id: str) -> None:
        fact = verdict.facts.get(fact_id)
        row = table.row(
            partial(safe_text, fact_id, "mono whole"),
            content(fact) if fact else partial(safe_text, "was never recorded here", "bad-ink"),
            ", ".join(dict.fromkeys(used.get(fact_id, ()))) or None,
        )
        row.props["data-fact"] = fact_id

    facts_used_first = sorted(verdict.evidence, key=lambda each: (each not in used, each))
    PagedList(facts_used_first, draw_row, table.body, FACTS_AT_ONCE)


def _draw_passed(verdict: VerdictDetails) -> None:
    codes = {code: len(group.evidence) for group in verdict.passed for code in group.codes}
    if not codes:
        return
    with box("panel", tag="section") as surface:
        surface.props["data-panel"] = "passed"
        with ui.expansion(f"{count_text(len(codes), 'check')} found nothing").classes("w-full"):
            table = Table(
                ("Check", "lead tight"),
                ("What it would have found", ""),
                ("Facts", "number"),
                name="Passed checks",
            )
            for code in sorted(codes):
                table.row(partial(safe_text, code, "mono whole"), _MEANINGS.get(code), str(codes[code]))


def content(fact: Fact) -> str:
    """What the fact says, in one line; its id says what it is about already."""
    said: dict[str, Any] = fact.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_IN_THE_ID)
    return "; ".join(f"{name} {says(value)}" for name, value in said.items() if value not in ([], {}))


def says(value: Any) -> str:
    """A JSON value in a few words."""
    match value:
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case dict():
            return ", ".join(f"{name} {says(entry)}" for name, entry in value.items() if entry is not None)
        case list():
            return ", ".join(says(entry) for entry in value) or "none"
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case _:
            return str(value)
