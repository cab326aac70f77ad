from __future__ import annotations

import pytest

from adapters.settings import Settings
from adapters.wiring import expected_workers
from checkout.command_line import Part


@pytest.mark.parametrize("revalidator", [True, False])
def test_the_api_and_what_work_all_runs_must_be_there(*, revalidator: bool) -> None:
    left_out = {Part.all} if revalidator else {Part.all, Part.revalidator}
    workers = [part.value for part in Part if part not in left_out]
    assert expected_workers(Settings(_env_file=None, revalidator=revalidator)) == ["api", *workers]
