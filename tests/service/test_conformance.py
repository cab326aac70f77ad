"""The service passes its own conformance suite, on real servers and with nothing but its embedded parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.service.checkout_process import CheckoutService, running_service

ONLY_MET_BY_CHANCE = {"cookie.secure", "idempotency.server-errors", "problems.429", "problems.503"}
"""Cases that can say nothing here: by plain HTTP, and where no call was refused for load."""


def expect_conformance(output: str) -> None:
    report: dict[str, Any] = json.loads(output)
    outcomes = {case["id"]: case["outcome"] for case in report["cases"]}
    assert {id for id, outcome in outcomes.items() if outcome == "skipped"} <= ONLY_MET_BY_CHANCE
    assert {id for id, outcome in outcomes.items() if outcome not in ("passed", "skipped")} == set()
    assert report["conforms"] is True
    assert report["leftOpen"] == []


async def test_the_service_on_real_servers_conforms(service: CheckoutService) -> None:
    tokens = {
        "--token": await service.token("conformance"),
        "--other-token": await service.token("conformance-other"),
        "--other-scope-token": await service.token("conformance", "--scope", "operator"),
    }
    given = [part for option in tokens.items() for part in option]
    reached = ("--url", service.url, "--kafka", service.kafka, "--load-catalogue", "--allow-dead-letters")
    expect_conformance(await service.command("conformance", *reached, *given, "--json"))


async def test_a_service_of_this_folder_with_embedded_parts_conforms_without_any_option(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_service(tmp_path, "--data", str(data)) as service:
        expect_conformance(await service.command("--data", str(data), "conformance", "--json"))
