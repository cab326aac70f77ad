"""Typed messages of partner checkout. `make models` generates them from the published JSON Schemas.

- `events`: what happened to baskets, one class for each `ce_type`
- `answers`: verdicts, baskets, results of commands and of order reports
- `commands`: what callers send, and reports of order services
- `catalogue`: facts of the catalogue, and policies
"""

from checkout_client.models.base import UnknownEvent, WireModel
from checkout_client.models.registry import EVENT_TYPES, BasketEvent, parse_event

__all__ = ["EVENT_TYPES", "BasketEvent", "UnknownEvent", "WireModel", "parse_event"]
