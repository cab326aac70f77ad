"""`checkout checks`: lists the checks of a validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Output, Wide, echo_json, echo_page

if TYPE_CHECKING:
    from domain.validation.check import Check


_INTRODUCTION = """\
What a validation checks. All checks run in one pass, and each may have several findings. An error makes the basket \
not ready, a warning does not. Errors about products are in `blockedProducts`, all other findings in \
`validationErrors`.

A partner organisation's policy (`checkout.policies.v1`) may make any check an error or a warning, or turn it off; \
the table shows the levels without a policy. A check that is `off` there runs only where a policy turns it on.

A check that crashes hides no other: its place takes the finding `check_failed` (resolution `retry`), whose `data` \
names the `check` and the kind of `error`. It makes the basket not ready unless the policy says otherwise.

In `data`, a *time* is RFC 3339 in UTC, *money* an amount as a decimal string with its currency, and with \
its `interval` if it is paid again and again, *texts* a list, and *intervals* a list of ISO 8601 durations, null for \
an amount that is paid once. This page is made by `checkout checks --markdown`."""


def rows() -> list[dict[str, Any]]:
    """The checks in the order of their findings; `data` is the JSON Schema of the findings' `data`."""
    return [
        {
            "code": check.code,
            "severity": check.severity,
            "level": check.level,
            "resolution": check.resolution,
            "list": _list_of(check),
            "meaning": check.meaning,
            "looksAt": check.looks_at,
            "restsOn": [*check.rests_on],
            "data": check.data_schema(),
        }
        for check in _checks()
    ]


def markdown() -> str:
    """The page docs/checks.md."""
    lines = [
        "# Checks",
        _INTRODUCTION,
        "",
        "| code | level | resolution | looks at |",
        "|---|---|---|---|",
    ]
    for check in _checks():
        link = f"[`{check.code}`](#{check.code})"
        lines.append(f"| {link} | {check.level} | {check.resolution} | {check.looks_at} |")
    for check in _checks():
        lines += ["", f"## {check.code}", f"{check.meaning} In `{_list_of(check)}`."]
        if check.data:
            lines += ["", "| data | type | |", "|---|---|---|"]
            lines += [f"| `{field.name}` | {field.type_text} | {field.description} |" for field in check.data]
    return "\n".join(lines) + "\n"


def checks(
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with the JSON Schema of each `data`.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/checks.md.")] = False,
) -> None:
    """Lists what a validation checks."""
    if as_markdown:
        echo_page(markdown())
    elif json:
        echo_json(rows(), indent=2)
    else:
        cells = [[check.code, check.level, check.resolution, check.looks_at] for check in _checks()]
        Output(wide=wide).table(("code", "level", "resolution", "looks at"), cells)


def _list_of(check: Check) -> str:
    return "blockedProducts" if check.about_products and check.severity == "error" else "validationErrors"


def _checks() -> tuple[Check, ...]:
    from domain.validation.checks import CHECKS

    return CHECKS
