"""Files with secrets: durable, readable by their owner only, and never seen half written."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IRWXO
"""The group may read the file, as Kubernetes mounts secrets; nobody else may."""


def create_private_file(path: Path, content: bytes) -> None:
    """Creates a file, and its folder. An existing file stays. Processes that do this at the same time all keep the file
    that came first. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link never replaces the file of another process, as a rename would.
    with _draft(path, content) as draft, suppress(FileExistsError):
        os.link(draft, path)


def replace_private_file(path: Path, content: bytes) -> None:
    """Replaces a file, or creates it. Raises OSError."""
    with _draft(path, content) as draft:
        draft.replace(path)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside it, for the block."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
