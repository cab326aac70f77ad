"""Commands write through operations/output.py alone: there, whatever others wrote is made safe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {ROOT / "operations" / "output.py"}
WRITERS = {"print"}
"""Functions that write where people read."""
METHODS = {
    ("typer", "echo"),
    ("typer", "secho"),
    ("click", "echo"),
    ("click", "secho"),
    ("sys", "stdout"),
    ("sys", "stderr"),
}
"""The same by module; `sys.stdin` may be read, and streams may be handed to Output."""

SOURCES = [
    path
    for folder in ("operations", "checkout")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in ALLOWED
]


def other_ways_out(source: str) -> Iterator[str]:
    """Every place that writes past the output module, as its line and what it says."""
    tree = ast.parse(source)
    handed = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Output"
        for argument in call.args
    }
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(name.name.split(".")[0] == "rich" for name in names):
                yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "rich":
                yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id=name)) if name in WRITERS:
                yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in METHODS and id(
                node
            ) not in handed:
                yield f"{node.lineno}: {ast.unparse(node)}"


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
def test_each_other_way_out_is_found(source: str) -> None:
    assert len([*other_ways_out(source)]) == 1
