"""`checkout rebuild`: what is derived from what happened, built anew while everything serves."""

from cli.rebuild.command import app

__all__ = ["app"]
