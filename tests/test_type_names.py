"""A type's name is unique in the repository, so that one name means one thing."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "adapters", "api", "workers", "cli", "tests", "benchmarks")
CLASS = re.compile(r"^class ([A-Z]\w+)", re.MULTILINE)


def test_no_two_classes_share_a_name() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = Counter(name for path in modules for name in CLASS.findall(path.read_text(encoding="utf-8")))
    assert sorted(name for name, count in names.items() if count > 1) == []
