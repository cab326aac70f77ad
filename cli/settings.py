"""`checkout settings`: every setting with its default, from the model that reads settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from cli.output import Output, Wide, echo_json, echo_page


def rows() -> list[dict[str, str]]:
    """The variable, default and meaning of each setting, in the order of the model."""
    from adapters.settings import Settings, variable_name

    return [
        {
            "variable": variable_name(name),
            "default": _default(field.default),
            "meaning": " ".join((field.description or "").split()),
        }
        for name, field in Settings.model_fields.items()
    ]


def _default(value: Any) -> str:
    from pydantic import BaseModel

    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_unset=True)
    if isinstance(value, float) and value >= timedelta(hours=1).total_seconds():
        return str(int(value))
    return "" if "PydanticUndefined" in repr(value) else str(value)


def markdown() -> str:
    """The page docs/settings.md."""
    lines = [
        "# Settings",
        "Environment variables, or a `.env` file in the working folder, whichever comes first. Durations are in seconds.",
        "An empty variable counts as unset; one that begins with `CHECKOUT_` and is no setting is warned of.",
        "This page is made by `checkout settings --markdown`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
        *(
            f"| `{row['variable']}` | {'`' + row['default'] + '`' if row['default'] else ''} | {row['meaning']} |"
            for row in rows()
        ),
    ]
    return "\n".join(lines) + "\n"


def settings(
    wide: Wide = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/settings.md.")] = False,
) -> None:
    """Lists every setting with its default."""
    if as_markdown:
        echo_page(markdown())
    elif json:
        echo_json(rows(), indent=2)
    else:
        cells = [[row["variable"], row["default"], row["meaning"]] for row in rows()]
        Output(wide=wide).table(("variable", "default", "meaning"), cells)
