"""The table of guards in docs/security.md, made from the register."""

from __future__ import annotations

from tests.guards.register import GUARDS
from tests.guards.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- guards: made by `make guards ARGS=--page` -->\n", "<!-- end of guards -->\n"


def table() -> str:
    rows = [
        f"| `{guard.name}` | {guard.threat} | `{guard.file}` | {', '.join(map(_test, guard.tests))} |"
        for guard in GUARDS
    ]
    return "\n".join(["| guard | without it | code | its test |", "|---|---|---|---|", *rows, ""])


def page_with_table(page: str) -> str:
    """The page with the table as the register has it."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


def write_page() -> bool:
    """Whether the page changed."""
    page = PAGE.read_text(encoding="utf-8")
    changed = page_with_table(page)
    PAGE.write_text(changed, encoding="utf-8")
    return changed != page


def _test(node: str) -> str:
    file, *_, name = node.split("::")
    return f"`{file}` {name.partition('[')[0].removeprefix('test_').replace('_', ' ')}"
