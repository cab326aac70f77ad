from __future__ import annotations

import pytest

from adapters.health_policy import expected_workers
from adapters.settings import Settings
from cli.processes import WorkerName


@pytest.mark.parametrize("watched_groups", [["order-service"], []])
@pytest.mark.parametrize("revalidator", [True, False])
@pytest.mark.parametrize("archive_after", [0.0, None])
def test_the_api_and_the_workers_of_work_all_are_expected(
    *, revalidator: bool, watched_groups: list[str], archive_after: float | None
) -> None:
    on_request = {
        WorkerName.archiver: archive_after is not None,
        WorkerName.revalidator: revalidator,
        WorkerName.watcher: bool(watched_groups),
    }
    workers = [part.value for part in WorkerName if part is not WorkerName.all and on_request.get(part, True)]
    settings = Settings(
        _env_file=None, revalidator=revalidator, watched_groups=watched_groups, archive_after=archive_after
    )
    assert expected_workers(settings) == ["api", *workers]
