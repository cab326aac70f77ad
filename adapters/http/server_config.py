"""What the connections of one server share."""

from __future__ import annotations

from typing import Any

import uvicorn

from adapters.http.connections import Connections
from adapters.http.limit_problems import LimitProblems
from adapters.http.limits import HttpLimits
from adapters.http.request_head import HeadLimits


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, and our limits."""

    def __init__(self, app: Any, limits: HttpLimits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits
        self.rejections = LimitProblems(limits)
        self.head_limits = HeadLimits(limits, self.rejections)
        self.open_connections = Connections(limits)
