"""The operator API: what operators do by the command line and is safe over HTTP, under /operations."""

from __future__ import annotations

from api.operators.app import OPERATOR_API_PATH, operator_app

__all__ = ["OPERATOR_API_PATH", "operator_app"]
