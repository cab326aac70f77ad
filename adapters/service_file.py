"""The file in the data folder of `checkout up` by which commands in other shells find the running service.

`up` holds a lock while it runs. The system frees the lock however `up` ends; a process id may be reused instead.
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
LOCK_TIMEOUT_SECONDS = 1.0


class FolderInUse(Exception):
    """Another `checkout up` uses the folder."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """`settings` are the variables by which other processes find its servers. `ports` are kept by name, so that the
    next start takes the same ones."""

    pid: int
    started: str
    url: str
    settings: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes the file at once, readable for its owner only, since a database's URL may hold a password."""
        draft = folder / f"{SERVICE_FILE}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)
        draft.replace(folder / SERVICE_FILE)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Locks the folder for the block. Raises FolderInUse, and OSError for a folder that cannot be written to."""
    deadline = monotonic() + LOCK_TIMEOUT_SECONDS
    with (folder / LOCK_FILE).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A process that checks the lock holds it for a moment too.
                if monotonic() > deadline:
                    raise FolderInUse from None
                sleep(0.05)
        yield


def last_service(folder: Path) -> RunningService | None:
    """The service that was started there last, running or not. None where there is no readable file."""
    try:
        return RunningService(**json.loads((folder / SERVICE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def running_service(folder: Path) -> RunningService | None:
    """None where no service runs there, or it is not ready."""
    return last_service(folder) if _is_locked(folder) else None


def why_no_service(folder: Path) -> str:
    """Why there is no running service, and what to do."""
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
