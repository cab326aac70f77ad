"""What can be rebuilt, by its name."""

from __future__ import annotations

from adapters.postgres.rebuild.blue_green import Slot
from adapters.postgres.rebuild.catalogue_target import CatalogueTarget
from adapters.postgres.rebuild.target import RebuildableTables
from adapters.postgres.rebuild.view_target import BasketViewsTarget
from domain.operators.rebuild import RebuildTarget


def tables_of(name: RebuildTarget, room: Slot) -> RebuildableTables:
    """The target, building in a room."""
    return BasketViewsTarget(room) if name == "basket-views" else CatalogueTarget()
