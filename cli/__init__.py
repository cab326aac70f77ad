"""The `checkout` command: puts the rooms together. Run as `checkout …` or `python -m cli …`.

Exit codes: 0 done; 1 it could not be done, or the answer is no; 2 the command line is wrong, or (of `status`,
`validate` and `verify`) there is no answer; 70 a fault of ours; 130 interrupted. README.md has the whole table.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line, and ends the process with its exit code."""
    try:
        # Imported here, so that Ctrl-C while it loads ends it like any other.
        from cli.exit_codes import run_command_line

        code = run_command_line()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
