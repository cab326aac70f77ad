"""The PostgreSQL servers that are installed on this machine. Of the wheel there is one version, without TLS."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from tests.servers.docker import engine_answers, postgres_container
from tests.servers.postgres import PostgresServer, described, postgres_folder

OLDEST_VERSION = 15
"""The oldest major version that the service supports."""

OLDEST_IMAGE = f"postgres:{OLDEST_VERSION}"


class InstalledPostgres(EmbeddedPostgres):
    """A server of programs in a folder of this machine."""

    def __init__(self, programs: Path, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self._programs = programs

    def _prepare(self) -> Any:
        user = _user() if os.geteuid() == 0 else None
        if not (self.folder / "PG_VERSION").exists():
            self.folder.mkdir(parents=True)
            self.folder.parent.chmod(0o755)
            if user:
                shutil.chown(self.folder, user, user)
            initdb = [str(self._programs / "initdb"), "-D", str(self.folder), "-U", "postgres", "-A", "trust"]
            subprocess.run(
                [*initdb, "--locale=C", "--encoding=UTF8"],
                check=True,
                capture_output=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd="/",
            )
        return SimpleNamespace(bin_path=self._programs, system_user=user)


@asynccontextmanager
async def oldest_postgres() -> AsyncIterator[PostgresServer]:
    """The oldest version that the service supports: in a container, or the oldest that is installed. Skips the test where
    neither is there. (`.ci/run` installs one.)"""
    if engine_answers():
        async with postgres_container(OLDEST_IMAGE) as url:
            yield await described(url, f"in a container, {OLDEST_IMAGE}")
        return
    installed = _installed()
    if not installed:
        pytest.skip(f"needs PostgreSQL {OLDEST_VERSION}, or another one that is installed")
    with postgres_folder() as folder:
        async with InstalledPostgres(installed[0], folder, ephemeral=True) as server:
            yield await described(server.url, "the oldest that is installed")


def newest_installed() -> Path:
    """The folder of its programs; skips the test where there is none that may run. (`.ci/run` installs one.)"""
    installed = _installed()
    if not installed:
        pytest.skip("needs an installed PostgreSQL that talks by TLS; the wheel's does not")
    return installed[-1]


def _installed() -> Sequence[Path]:
    """The folders of programs, the oldest version first."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *folders]
    runnable = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return sorted({*runnable}, key=_version)


def _version(programs: Path) -> int:
    """The major version, as in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`."""
    told = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    return int(told.split()[2].partition(".")[0])


def _user() -> str:
    """One that PostgreSQL runs as: it refuses root."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"
