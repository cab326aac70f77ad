"""Reads the settings from the environment, from `.env` and from the running service, and says what is wrong with
them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from adapters.service_file import running_service
from adapters.settings import ENV_FILE, PREFIX, InvalidSetting, Settings, variable_name

_ADDRESSES = ("database_url", "operator_database_url", "kafka_bootstrap_servers")
"""Settings that name another service than the running one."""

_FILES = (
    *("jwt_key_file", "kafka_ca_file", "kafka_certificate_file", "kafka_key_file"),
    *("database_ca_file", "database_certificate_file", "database_key_file"),
)
"""Files that others make. An unreadable one is reported at the start, not at its first use."""

API_URL_VARIABLE = "CHECKOUT_URL"
"""The address of the partner API, for programs that call it: the service itself does not read it."""

_OTHER_VARIABLES = frozenset(
    {API_URL_VARIABLE, "CHECKOUT_TOKEN", "CHECKOUT_CACHE_DIR", "CHECKOUT_DEBUG", "CHECKOUT_OPERATOR_WAY"}
)
_TEST_PREFIX = "CHECKOUT_TEST_"
_MUST = re.compile(r"^(Value error, must|Input should|String should)")
_SIMILARITY = 0.7


def read_settings(given: Mapping[str, object] | None = None, *, running: bool = True) -> Settings:
    """The settings of the environment and of `.env`; those in `given` take precedence.

    `running`: the running service of the data folder fills what is unset, unless an address names another service.
    Raises InvalidSetting.
    """
    given = given or {}
    settings = _read(given)
    service = running_service(settings.data) if running else None
    if service is not None:
        found = {name.removeprefix(PREFIX).lower(): value for name, value in service.settings.items()}
        named = {name: _plain(settings, name) for name in _ADDRESSES if name in settings.model_fields_set}
        if all(found.get(name) == value for name, value in named.items()):
            missing = found.keys() - settings.model_fields_set
            settings = _read({**given, **{name: found[name] for name in missing}})
    for name in _FILES:
        _require_readable(name, getattr(settings, name))
    return settings


def unknown_settings() -> Sequence[str]:
    """A warning for each variable of the environment and of `.env` that looks like a setting and is none."""
    known = {variable_name(name) for name in Settings.model_fields}
    warnings = []
    for name in sorted({*os.environ, *_names_in_file()}):
        variable = name.upper()
        if variable.startswith(PREFIX) and not (
            variable in known | _OTHER_VARIABLES or variable.startswith(_TEST_PREFIX)
        ):
            # The common prefix would make any two names similar.
            bare = [each.removeprefix(PREFIX) for each in sorted(known)]
            near = get_close_matches(variable.removeprefix(PREFIX), bare, n=1, cutoff=_SIMILARITY)
            advice = f"did you mean {PREFIX}{near[0]}?" if near else "`checkout settings` lists them"
            warnings.append(f"{name} is no setting; {advice}")
    return warnings


def _names_in_file() -> Sequence[str]:
    from dotenv import dotenv_values  # noqa: PLC0415  only where there is such a file

    if not os.path.isfile(ENV_FILE):  # noqa: PTH113  (as the library that reads it looks)
        return ()
    return tuple(dotenv_values(ENV_FILE, interpolate=False))


def _plain(settings: Settings, name: str) -> object:
    value = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _read(given: Mapping[str, object]) -> Settings:
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise InvalidSetting("; ".join(_describe(each) for each in error.errors())) from error
    except SettingsError as error:
        _, name, *_ = str(error).split('"')
        raise InvalidSetting(f"{variable_name(name)} must be JSON: {error.__cause__}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"the file {ENV_FILE} cannot be read: {error}") from error


def _require_readable(name: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.open("rb").close()
    except OSError as error:
        raise InvalidSetting(f"{variable_name(name)}: {path} cannot be read: {error.strerror}") from error


def _describe(error: ErrorDetails) -> str:
    """The variable, its value unless that may be secret, and what it must be."""
    name, *below = map(str, error["loc"])
    value = "" if below or name.endswith(("_url", "_password")) else f" is {str(error['input'])[:60]!r} but"
    must = _MUST.sub("must", error["msg"]).partition(", unable")[0]
    if error["type"] == "extra_forbidden":
        must = "is not known"
    return f"{variable_name(name)}{value}{''.join(f' {part}' for part in below)} {must}"
