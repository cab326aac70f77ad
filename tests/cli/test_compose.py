"""The deployment in docker-compose.yml, read from the file: no engine is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from adapters.postgres.roles import ROLES, role_name
from adapters.settings import Settings

ROOT = Path(__file__).parent.parent.parent
FILE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
PASSWORDS = {
    f"{name}_PASSWORD": f"{name.lower()}-secret" for name in ("POSTGRES", "OWNER", "API", "WORKER", "OPERATOR")
}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")
WORKERS = {"publisher", "projector", "catalogue", "commands", "expiry", "sampler"}
JOBS = {"roles", "migrate"}


def deployed(environment: Mapping[str, str]) -> dict[str, Any]:
    """The services as compose would run them. Raises KeyError with the message of a variable that is missing."""

    def value(variable: re.Match[str]) -> str:
        name, how, else_ = variable.groups()
        if environment.get(name):
            return environment[name]
        if how == ":?":
            raise KeyError(f"{name}: {else_}")
        return else_ or ""

    services: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, FILE))["services"]
    return services


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return deployed(PASSWORDS)


def user_of(service: Mapping[str, Any]) -> str | None:
    url = service.get("environment", {}).get("CHECKOUT_DATABASE_URL")
    return urlsplit(url).username if url else None


def test_each_process_signs_in_with_its_own_role(services: dict[str, Any]) -> None:
    users = {name: user_of(service) for name, service in services.items() if name not in ("postgres", "kafka")}
    assert users == {
        "roles": services["postgres"]["environment"]["POSTGRES_USER"],
        "migrate": role_name("owner"),
        "api": role_name("api"),
        "operators": role_name("operator"),
        **dict.fromkeys(WORKERS, role_name("worker")),
    }


def test_no_long_running_process_knows_the_passwords_of_superuser_or_owner(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        if name in JOBS:
            assert service["restart"] == "no"
        elif name != "postgres":
            said = json.dumps(service)
            assert PASSWORDS["POSTGRES_PASSWORD"] not in said
            assert PASSWORDS["OWNER_PASSWORD"] not in said
            if name != "operators":
                assert PASSWORDS["OPERATOR_PASSWORD"] not in said


def test_no_password_has_a_default(services: dict[str, Any]) -> None:
    for name in PASSWORDS:
        rest = {other: value for other, value in PASSWORDS.items() if other != name}
        with pytest.raises(KeyError, match=rf"{name}: make secrets"):
            deployed(rest)
    assert not re.search(r"PASSWORD[^$\n]*:-", FILE)


def test_the_job_that_makes_roles_gets_the_processes_passwords(
    services: dict[str, Any],
) -> None:
    given = json.loads(services["roles"]["environment"]["CHECKOUT_DATABASE_ROLE_PASSWORDS"])
    assert given.keys() == set(ROLES)
    for name, service in services.items():
        user = user_of(service)
        if user in {role_name(role) for role in ROLES}:
            url = urlsplit(service["environment"]["CHECKOUT_DATABASE_URL"])
            assert given[user.removeprefix("checkout_")] == url.password, name


def test_roles_then_schema_then_services_start_in_this_order(services: dict[str, Any]) -> None:
    def after(name: str) -> set[str]:
        waits = services[name].get("depends_on", {})
        done = {each for each, how in waits.items() if how["condition"] == "service_completed_successfully"}
        return done | {each for earlier in done for each in after(earlier)}

    assert after("migrate") == {"roles"}
    for name in {"api", "operators", *WORKERS}:
        assert after(name) == JOBS


def test_every_variable_of_a_process_is_a_setting(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CHECKOUT_"):
            monkeypatch.delenv(name)
    known = {f"CHECKOUT_{name.upper()}" for name in Settings.model_fields}
    for name, service in services.items():
        if "build" in service:
            assert service["environment"].keys() <= known
            for variable, value in service["environment"].items():
                monkeypatch.setenv(variable, value or "")
            assert Settings(_env_file=None).database_url is not None, name


def test_existing_secrets_are_kept(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    env = tmp_path / ".env"
    env.write_text("POSTGRES_PASSWORD=mine\n")
    for _ in range(2):
        subprocess.run(["make", "secrets"], cwd=tmp_path, check=True, capture_output=True)
        made = dict(line.split("=", 1) for line in env.read_text().splitlines())
    assert made.keys() == PASSWORDS.keys()
    assert made.pop("POSTGRES_PASSWORD") == "mine"
    assert len(set(made.values())) == 4
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in made.values())
