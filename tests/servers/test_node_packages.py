"""npm packages are fetched once, and a machine that cannot have them gets an explanation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.embedded.processes import EmbeddedServerUnavailable
from tests.servers.node_packages import node_packages, node_packages_folder

JOSE = {"jose": "6.2.18"}


def test_a_script_in_the_folder_finds_the_packages() -> None:
    folder = node_packages(JOSE)
    node = shutil.which("node")
    assert node is not None
    script = "import('jose').then((jose) => console.log(typeof jose.jwtVerify))"
    found = subprocess.run([node, "-e", script], cwd=folder, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "function"


def test_what_the_cache_has_is_not_fetched_again() -> None:
    folder = node_packages(JOSE)
    written = folder.stat().st_mtime_ns
    assert node_packages(JOSE) == folder
    assert folder.stat().st_mtime_ns == written


def test_a_machine_without_node_gets_an_explanation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedServerUnavailable, match="Node 20 or newer with npm is needed"):
        node_packages_folder(JOSE)


def test_an_old_node_gets_an_explanation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedServerUnavailable, match="is older"):
        node_packages_folder(JOSE)


@pytest.mark.parametrize(
    ("code", "expected"), [("EAI_AGAIN", "EmbeddedServerUnavailable"), ("ETARGET", "ServerFailed")]
)
def test_a_missing_network_is_a_reason_and_a_missing_version_is_a_failure(
    code: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in (("node", "exit 0"), ("npm", f"echo npm error code {code}; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHECKOUT_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(RuntimeError) as raised:
        node_packages_folder(JOSE)
    assert type(raised.value).__name__ == expected
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []
