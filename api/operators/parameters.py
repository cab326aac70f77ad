"""What parameters may hold: what PostgreSQL and a command line can be asked, and nothing else."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from domain.shared.values import PRINTABLE, Timestamp

__all__ = ["Term", "Timestamp"]

Term = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=PRINTABLE)]
"""Something to look for: 1 to 512 characters, none of them a control character."""
