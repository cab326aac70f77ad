from __future__ import annotations

import pytest

from adapters.container import expected_workers
from adapters.settings import Settings
from cli.processes import WorkerName


@pytest.mark.parametrize("revalidator", [True, False])
def test_the_api_and_the_workers_of_work_all_are_expected(*, revalidator: bool) -> None:
    left_out = {WorkerName.all} if revalidator else {WorkerName.all, WorkerName.revalidator}
    workers = [part.value for part in WorkerName if part not in left_out]
    assert expected_workers(Settings(_env_file=None, revalidator=revalidator)) == ["api", *workers]
