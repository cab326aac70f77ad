"""The `checkout` command: puts the rooms together. Run as `checkout …` or `python -m checkout …`.

Exit codes: 0 done; 1 it could not be done, and the words on stderr say why; 2 the command line is wrong.
"""

from __future__ import annotations

from checkout.command_line import main

__all__ = ["main"]
