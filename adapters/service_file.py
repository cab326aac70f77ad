"""The service of `checkout up`, as a file in its data folder: by it commands in other shells find the service.

Whether it runs says a lock that `up` holds, and that the system frees however `up` ends: a process id may belong to
another program by now.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic, sleep

SERVICE_FILE = "service.json"
LOCK_FILE = "lock"
LOCKED_WITHIN_SECONDS = 1.0


class FolderInUse(Exception):
    """Another `checkout up` uses the folder."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """`settings` are variables and their values, by which other processes find its parts; `ports` are named, so that
    the next start takes the same ones."""

    pid: int
    started: str
    url: str
    settings: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """For its owner only, since a database's URL may hold a password; whole or not at all."""
        draft = folder / f"{SERVICE_FILE}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
        draft.replace(folder / SERVICE_FILE)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds the folder for the block. Raises FolderInUse; OSError where the folder cannot be written to."""
    deadline = monotonic() + LOCKED_WITHIN_SECONDS
    with (folder / LOCK_FILE).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Who looks whether it runs holds it for a moment too.
                if monotonic() > deadline:
                    raise FolderInUse from None
                sleep(0.05)
        yield


def last_service(folder: Path) -> RunningService | None:
    """The service that was started there last, running or not; None where nothing readable says it."""
    try:
        return RunningService(**json.loads((folder / SERVICE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def running_service(folder: Path) -> RunningService | None:
    """The service that runs there and is ready."""
    return last_service(folder) if _is_locked(folder) else None


def why_no_service(folder: Path) -> str:
    """Why there is no running service, and what to do, in words."""
    if _is_locked(folder):
        if (folder / SERVICE_FILE).exists():
            return f"{folder / SERVICE_FILE} cannot be read: who started that service can"
        return f"the service in {folder} is starting: try again once it is ready"
    if (folder / SERVICE_FILE).exists():
        return f"the service in {folder} is not running: start it with `checkout up`"
    return f"no service was started in {folder}: `checkout up` starts one, `--data` names another folder"


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / LOCK_FILE).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
