"""One verdict: its findings, and the catalogue facts that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import ui

from api.console.components.async_panel import AsyncPanel
from api.console.components.page_frame import page_frame
from api.console.components.promise_view import draw_promise
from api.console.components.remedy_view import draw_remedy
from api.console.components.tables import PagedList, Table
from api.console.components.widgets import (
    badge,
    box,
    count_text,
    definition_list,
    empty_state,
    link,
    notice,
    panel,
    safe_text,
    time_text,
)
from api.console.page_context import ConsoleContext, PageContext
from api.console.pages.search import require_basket_id
from domain.catalogue.facts import Fact
from domain.operators.history.verdict_reader import VerdictDetails
from domain.shared.findings import Finding, Resolution
from domain.shared.formatting import format_money
from domain.validation.checks import CHECKS

FINDINGS_SHOWN = 50
FACTS_SHOWN = 100

RESOLUTIONS: dict[Resolution, str] = {
    "retry": "try again",
    "change_basket": "change the basket",
    "contact_seller": "contact the seller",
}
_MEANINGS = {check.code: check.meaning for check in CHECKS}
_IN_THE_ID = {"kind", "sequence", "id", "version", "offer_id", "offer_version", "product_code"}
"""Members of a fact that its id shows already."""


def register(console: ConsoleContext) -> None:
    @ui.page("/baskets/{basket_id}/verdicts/{version}")
    def verdict(basket_id: str, version: int) -> None:
        async def read() -> VerdictDetails:
            require_basket_id(basket_id)
            return await console.verdicts.of(basket_id, version)

        page = console.page()
        parent = (basket_id, f"/baskets/{basket_id}?version={version}")
        with page_frame(page, f"Verdict of version {version}", "/baskets", parent=parent):
            AsyncPanel(read, partial(_draw, page, basket_id), lines=10)


def _draw(page: PageContext, basket_id: str, verdict: VerdictDetails) -> None:
    version = verdict.basket_version
    of_version = f"/baskets/{basket_id}?version={version}"
    with box("stack"):
        _draw_result(verdict)
        with panel("What was validated", marker="judged"), box("body"):
            definition_list(
                [
                    ("Basket", partial(link, basket_id, f"/baskets/{basket_id}", "mono")),
                    ("Version", partial(link, f"version {version}", of_version)),
                    ("Validated", partial(time_text, verdict.validated_at, "", unit=" UTC")),
                    ("Catalogue position", verdict.catalogue_position),
                    ("Rests on", count_text(len(verdict.evidence), "fact")),
                ]
            )
        draw_remedy(page, basket_id, verdict, last_version=verdict.last_version)
        if verdict.promise is not None:
            draw_promise(verdict.promise)
        if verdict.findings:
            with panel("Findings", count_text(len(verdict.findings), "finding"), marker="findings"):
                PagedList(verdict.findings, partial(_draw_finding, verdict.facts), box(), FINDINGS_SHOWN)
        with panel("Evidence", "each fact that the verdict rests on, and what it says", marker="evidence"):
            _draw_evidence(verdict)
        _draw_passed(verdict)


def _draw_result(verdict: VerdictDetails) -> None:
    errors = sum(finding.severity == "error" for finding in verdict.findings)
    warnings = len(verdict.findings) - errors
    counts = [count_text(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count]
    found = f": {' and '.join(counts)}" if counts else ""
    if verdict.ready:
        notice(f"Ready to become an order{found}.", "good", "check_circle")
    else:
        notice(f"Not ready{found}.", "bad", "error")


def _draw_finding(facts: Mapping[str, Fact], finding: Finding) -> None:
    with box("finding") as place:
        place.props["data-finding"] = finding.code
        with box("line"):
            badge(finding.severity, "bad" if finding.severity == "error" else "warn")
            safe_text(finding.code, "mono strong", title=_MEANINGS.get(finding.code))
            safe_text(f"→ {RESOLUTIONS[finding.resolution]}", "soft small")
        safe_text(finding.message, "message", tag="div")
        subjects = {
            "line": finding.order_item_id,
            "offer": finding.offer_id,
            "product": finding.product_code,
        }
        with box("line soft small"):
            safe_text(finding.path, "mono")
            for name, subject in subjects.items():
                if subject is not None:
                    safe_text(f"{name} {subject}")
        if finding.data:
            with box("line small"):
                for name, value in finding.data.items():
                    if value is not None:
                        safe_text(f"{name}: {describe_json(value)}", "badge wraps")
        if finding.evidence:
            with box("rests"):
                for fact_id in finding.evidence:
                    _draw_fact(fact_id, facts.get(fact_id))


def _draw_fact(fact_id: str, fact: Fact | None) -> None:
    with box("fact") as place:
        place.props["data-fact"] = fact_id
        safe_text(fact_id, "mono", tag="div")
        _draw_fact_content(fact, "small", tag="div")


def _draw_fact_content(fact: Fact | None, classes: str = "", *, tag: str = "span") -> None:
    if fact is None:
        safe_text("was never recorded here", f"bad-ink {classes}", tag=tag)
    else:
        safe_text(describe_fact(fact), f"soft {classes}" if classes else "", tag=tag)


def _draw_evidence(verdict: VerdictDetails) -> None:
    if not verdict.evidence:
        empty_state("menu_book", "It rests on no fact", "The catalogue knew nothing about this basket.")
        return
    used_by: dict[str, list[str]] = {}
    for finding in verdict.findings:
        for fact_id in finding.evidence:
            used_by.setdefault(fact_id, []).append(finding.code)
    table = Table(("Fact", "lead"), ("Says", ""), ("Findings", ""), name="Evidence")

    def draw_row(fact_id: str) -> None:
        row = table.row(
            partial(safe_text, fact_id, "mono whole"),
            partial(_draw_fact_content, verdict.facts.get(fact_id)),
            ", ".join(dict.fromkeys(used_by.get(fact_id, ()))) or None,
        )
        row.props["data-fact"] = fact_id

    used_first = sorted(verdict.evidence, key=lambda fact_id: (fact_id not in used_by, fact_id))
    PagedList(used_first, draw_row, table.body, FACTS_SHOWN)


def _draw_passed(verdict: VerdictDetails) -> None:
    codes = {code: len(group.evidence) for group in verdict.passed for code in group.codes}
    if not codes:
        return
    with box("panel", tag="section") as surface:
        surface.props["data-panel"] = "passed"
        with ui.expansion(f"{count_text(len(codes), 'check')} found nothing").classes("w-full"):
            columns = (("Check", "lead tight"), ("What it looks for", ""), ("Facts", "number"))
            table = Table(*columns, name="Passed checks")
            for code in sorted(codes):
                table.row(partial(safe_text, code, "mono whole"), _MEANINGS.get(code), str(codes[code]))


def describe_fact(fact: Fact) -> str:
    """The content of a fact in one line, without what its id shows already."""
    content = fact.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_IN_THE_ID)
    return "; ".join(f"{name} {describe_json(value)}" for name, value in content.items() if value not in ([], {}))


def describe_json(value: Any) -> str:
    """A JSON value in a few words."""
    match value:
        case {"amount": _, "currency": _}:
            return format_money(value)
        case dict():
            members = ((name, entry) for name, entry in value.items() if entry is not None)
            return ", ".join(f"{name} {describe_json(entry)}" for name, entry in members)
        case list():
            return ", ".join(describe_json(entry) for entry in value) or "none"
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case _:
            return str(value)
