"""Variables that look like settings and are none: a mistyped name would be passed over in silence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches

from adapters.settings import (
    ENV_FILE,
    PREFIX,
    Settings,
    variable_name,
)

_OTHERS = frozenset({"CHECKOUT_CACHE_DIR", "CHECKOUT_DEBUG", "CHECKOUT_OPERATOR_WAY"})
"""Variables of ours that are no settings."""

_OF_TESTS = "CHECKOUT_TEST_"
_ALIKE = 0.7


def unknown_settings() -> Sequence[str]:
    """What is to be said of each variable of the environment and of `.env` that begins like a setting and is none."""
    known = {variable_name(name) for name in Settings.model_fields}
    said = []
    for name in sorted({*os.environ, *_names_in_file()}):
        given = name.upper()
        if given.startswith(PREFIX) and given not in known | _OTHERS and not given.startswith(_OF_TESTS):
            # Without the beginning, which would make any two names alike.
            bare = [each.removeprefix(PREFIX) for each in sorted(known)]
            near = get_close_matches(given.removeprefix(PREFIX), bare, n=1, cutoff=_ALIKE)
            advice = f"did you mean {PREFIX}{near[0]}?" if near else "`checkout settings` lists them"
            said.append(f"{name} is no setting; {advice}")
    return said


def _names_in_file() -> Sequence[str]:
    from dotenv import dotenv_values  # noqa: PLC0415  only where there is such a file

    if not os.path.isfile(ENV_FILE):  # noqa: PTH113  (as the library that reads it looks)
        return ()
    return tuple(dotenv_values(ENV_FILE, interpolate=False))
