"""`checkout demo`: the whole way of the data, played by two partner organisations and shown."""

from __future__ import annotations

from cli.demo.run import run_demo

__all__ = ["run_demo"]
