"""Where NiceGUI is not installed."""

from __future__ import annotations

import subprocess
import sys

# As if it were not there: no finder finds it.
WITHOUT_NICEGUI = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *more):
        return None if name.partition(".")[0] == "nicegui" else self.finder.find_spec(name, *more)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_NICEGUI + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_console_without_its_library_is_refused_with_a_reason() -> None:
    arguments = ["checkout", "serve", "--console", "--port", "0"]
    program = f"""
import os
os.environ["CHECKOUT_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
sys.argv = {arguments}
from cli import main
main()
"""
    ended = run(program)
    assert ended.returncode == 1
    assert "the console needs NiceGUI, which is not installed" in ended.stderr


def test_the_operator_api_works_without_the_consoles_library() -> None:
    ended = run("import cli.serve, cli.up.run; print('nicegui' in sys.modules)")
    assert (ended.returncode, ended.stdout.strip()) == (0, "False"), ended.stderr
