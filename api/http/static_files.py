"""Files that anybody may load."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

MAX_PATH_LENGTH = 512
"""No file of ours has a longer path. To look for a deep one costs more than its length."""


class StaticAssets(StaticFiles):
    """The files of a folder."""

    def get_path(self, scope: Scope) -> str:
        if len(scope["path"]) > MAX_PATH_LENGTH:
            raise HTTPException(404)
        return super().get_path(scope)
