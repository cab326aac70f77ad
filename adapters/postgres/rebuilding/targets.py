"""What can be rebuilt, by its name."""

from __future__ import annotations

from adapters.postgres.rebuilding.basket_views import BasketViewsTarget
from adapters.postgres.rebuilding.catalogue import CatalogueTarget
from adapters.postgres.rebuilding.generations import Room
from adapters.postgres.rebuilding.target import Target
from domain.operating.rebuilding import RebuildTarget


def target_of(name: RebuildTarget, room: Room) -> Target:
    """The target, building in a room."""
    return BasketViewsTarget(room) if name == "basket-views" else CatalogueTarget()
