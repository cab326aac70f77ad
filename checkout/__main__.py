"""`python -m checkout` is the `checkout` command."""

from __future__ import annotations

from checkout import main

main()
