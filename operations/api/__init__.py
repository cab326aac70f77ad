"""The operator API: what operators do by the command line and is safe over HTTP, under /operations."""

from __future__ import annotations

from operations.api.app import OPERATIONS, operations_app

__all__ = ["OPERATIONS", "operations_app"]
