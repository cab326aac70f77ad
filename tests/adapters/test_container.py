from __future__ import annotations

import pytest

from adapters.container import expected_workers
from adapters.settings import Settings
from cli.processes import WorkerName


@pytest.mark.parametrize("revalidator", [True, False])
def test_the_api_and_what_work_all_runs_must_be_there(*, revalidator: bool) -> None:
    left_out = {WorkerName.all} if revalidator else {WorkerName.all, WorkerName.revalidator}
    workers = [part.value for part in WorkerName if part not in left_out]
    assert expected_workers(Settings(_env_file=None, revalidator=revalidator)) == ["api", *workers]
