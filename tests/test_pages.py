"""The pages point at things that exist: files, folders, pages and their sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "clients").glob("*/*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_PATH = re.compile(r"`((?:domain|adapters|api|workers|cli|tests|benchmarks|docs)/[\w./-]+)`")
ONLY_EXAMPLES = {
    "tests/domain/stored_events/basket-note-set.json",
    "docs/schemas/checkout.basket-note-set.v1.json",
    "cli/NAME.py",
    "workers/reminder.py",
    "tests/workers/test_reminder.py",
}
"""Files of the walk-throughs in docs/extending.md."""

pages = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def sections(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pages
def test_every_link_leads_to_a_page_and_its_section(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, section = link.partition("#")
        if path.startswith("http"):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (section and section not in sections(target)):
            broken.append(link)
    assert broken == []


@pages
def test_every_named_file_and_folder_exists(page: Path) -> None:
    named = set(CODE_PATH.findall(page.read_text(encoding="utf-8"))) - ONLY_EXAMPLES
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_list_of_decisions_has_every_decision_with_its_title() -> None:
    listed = dict(re.findall(r"\| \[\d+\]\((.*?)\) \| (.*) \|", (ROOT / "docs/decisions/README.md").read_text()))
    titles = {
        page.name: page.read_text().partition("\n")[0].partition(" ")[2].partition(" ")[2]
        for page in (ROOT / "docs/decisions").glob("0*.md")
    }
    assert listed == titles
