"""Every package that is installed for us has a bounded range or one version, so that no release of others comes in
unseen."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DIRECT = [
    Requirement(each) for each in (*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra))
]


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def installed_for(wanted: list[Requirement]) -> Iterator[str]:
    """The names of installed packages that these need, directly or not. An extra that is not installed is passed over."""
    waiting, seen = [*wanted], set[tuple[str, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        yield name
        waiting += [each for each in map(Requirement, needs) if _applies(each, extras)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def test_every_range_ends() -> None:
    endless = [str(each) for each in DIRECT if not re.search(r"<|==|~=", str(each.specifier))]
    assert endless == []


def test_every_package_that_is_installed_for_us_has_one_version() -> None:
    # pip-audit needs pip, which comes with Python.
    assert sorted(set(installed_for(DIRECT)) - pinned().keys() - {"pip"}) == []


def test_every_pin_is_in_the_range_of_the_project() -> None:
    known = pinned()
    wrong = [str(each) for each in DIRECT if not each.specifier.contains(known[canonicalize_name(each.name)])]
    assert wrong == []
