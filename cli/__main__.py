"""`python -m cli` is the `checkout` command."""

from __future__ import annotations

from cli import main

main()
