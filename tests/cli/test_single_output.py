"""Commands write only through cli/output.py, which escapes text by others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {ROOT / "cli" / "output.py"}
METHODS = {("typer", "echo"), ("typer", "secho"), ("click", "echo"), ("click", "secho")}
STREAMS = {"write", "writelines", "buffer"}
"""Methods that write to a stream. A stream itself may be passed on or inspected."""

SOURCES = [path for folder in ("cli", "api") for path in sorted((ROOT / folder).rglob("*.py")) if path not in ALLOWED]


def other_ways_out(source: str) -> Iterator[str]:
    """Every statement that writes past the output module, with its line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any(name.name.split(".")[0] == "rich" for name in names):
                found = True
            case ast.ImportFrom(module=str(module)):
                found = module.split(".")[0] == "rich"
            case ast.Call(func=ast.Name(id=name)):
                found = name == "print"
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                found = (module, name) in METHODS
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"), attr=name):
                found = name in STREAMS
            case _:
                found = False
        if found:
            yield f"{node.lineno}: {ast.unparse(node)}"  # type: ignore[attr-defined]  # statements and expressions


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_no_command_writes_past_the_output_module(path: Path) -> None:
    assert [*other_ways_out(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "source",
    [
        "print(name)",
        "import typer\ntyper.echo(name)",
        "from rich.console import Console",
        "import rich.table",
        "import sys\nsys.stdout.write(name)",
    ],
)
def test_every_other_way_to_write_is_found(source: str) -> None:
    assert len([*other_ways_out(source)]) == 1
