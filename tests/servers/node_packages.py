"""npm packages for tests that run Node: fetched once by npm, kept in a cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from adapters.embedded.processes import EmbeddedServerUnavailable, ServerFailed, run_tool

OLDEST_NODE = 20
_OUR_MISTAKE = re.compile(r"code (ETARGET|E404|ERESOLVE|EINVALIDPACKAGENAME)\b")
"""npm's codes for a package or version that does not exist: no reason to skip a test."""


def node_packages(packages: Mapping[str, str]) -> Path:
    """As `node_packages_folder`. Skips the test, with the reason, where the packages cannot be had."""
    try:
        return node_packages_folder(packages)
    except EmbeddedServerUnavailable as error:
        pytest.skip(str(error))


def node_packages_folder(packages: Mapping[str, str]) -> Path:
    """A folder whose `node_modules` has these packages, by name and exact version. Blocks while npm fetches them.

    Run `node` in the folder, or link its `node_modules` beside a script. Raises EmbeddedServerUnavailable where Node
    or npm is missing, or where neither the cache nor npm has the packages; ServerFailed for one that does not exist.
    """
    npm = _npm_with_node()
    manifest = json.dumps({"private": True, "dependencies": dict(sorted(packages.items()))})
    root = os.environ.get("CHECKOUT_CACHE_DIR")
    cache = Path(root) if root else user_cache_path("partner-checkout")
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"node-packages-{hashlib.sha256(manifest.encode()).hexdigest()[:12]}"
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the tests may be fetching the same
        if not folder.is_dir():
            _fetch(npm, manifest, folder)
    return folder


def _fetch(npm: str, manifest: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as name:
        fetched = Path(name) / "packages"
        fetched.mkdir()
        (fetched / "package.json").write_text(manifest, encoding="utf-8")
        options = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            run_tool("npm", [npm, "install", *options], working_folder=fetched)
        except ServerFailed as error:
            if _OUR_MISTAKE.search(str(error)):
                raise
            raise EmbeddedServerUnavailable(f"the npm packages could not be fetched: {error}") from error
        fetched.rename(folder)


def _npm_with_node() -> str:
    """The path of npm, where a Node is there that is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing = "Node" if node is None else "npm"
        raise EmbeddedServerUnavailable(f"Node {OLDEST_NODE} or newer with npm is needed; {missing} is not on the PATH")
    try:
        run_tool("node", [node, "-e", f"process.exit(parseInt(process.versions.node) < {OLDEST_NODE} ? 1 : 0)"])
    except ServerFailed as error:
        raise EmbeddedServerUnavailable(f"Node {OLDEST_NODE} or newer is needed; {node} is older: {error}") from error
    return npm
