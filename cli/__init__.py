"""The `checkout` command, which puts the packages together. Run it as `checkout …` or `python -m cli …`.

Exit codes: 0 done; 1 not done, or the answer is no; 2 the command line is wrong, or `status`, `validate` or
`verify` found no answer; 70 a fault of this program; 130 interrupted. README.md has the whole table.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        # Imported here, so that Ctrl-C during the import ends the process like any other.
        from cli.root_command import exit_code_of, make_streams_safe

        make_streams_safe()
        from cli.commands import app  # slow to import: after what must not fail

        code = exit_code_of(app)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
