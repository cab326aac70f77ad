from __future__ import annotations

import pytest

from adapters.container import expected_workers
from adapters.settings import Settings
from cli.processes import WorkerName


@pytest.mark.parametrize("watched_groups", [["order-service"], []])
@pytest.mark.parametrize("revalidator", [True, False])
def test_the_api_and_the_workers_of_work_all_are_expected(*, revalidator: bool, watched_groups: list[str]) -> None:
    on_request = {WorkerName.revalidator: revalidator, WorkerName.watcher: bool(watched_groups)}
    workers = [part.value for part in WorkerName if part is not WorkerName.all and on_request.get(part, True)]
    settings = Settings(_env_file=None, revalidator=revalidator, watched_groups=watched_groups)
    assert expected_workers(settings) == ["api", *workers]
