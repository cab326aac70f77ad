"""Finds the quantities that come nearest to the requested ones and keep the quantity rules, the stock and the highest
total, all at once.

The lines of one offer version are a group, because rules and stock count them together. Where something is scarce,
the first groups of the basket keep theirs and the last ones give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

Resource = tuple[str, ...]
"""What is limited: `("product", code)` or `("total", currency, interval)`."""


@dataclass(frozen=True, slots=True)
class QuantityLine:
    """A line with its quantity."""

    id: str
    quantity: int


@dataclass(slots=True)
class QuantityGroup:
    """The lines of one offer version and what their total quantity may be. `needs` is how much of each resource one
    unit takes. The rule counts the quantity of `beside` too: lines of the version that keep theirs."""

    lines: list[QuantityLine]
    needs: dict[Resource, Decimal]
    least: int = 1
    most: int | None = None
    step: int = 1
    beside: int = 0

    @property
    def requested(self) -> int:
        return sum([line.quantity for line in self.lines])

    def limit_lines(self, max_quantity: int) -> None:
        """Keeps lines from being raised above a quantity."""
        most = sum([max(line.quantity, max_quantity) for line in self.lines]) + self.beside
        self.most = most if self.most is None else min(self.most, most)

    def at_most(self, total: int) -> int | None:
        """The largest allowed total up to this one, at least 1."""
        total = total if self.most is None else min(total, self.most - self.beside)
        total -= (total + self.beside) % self.step
        return total if total >= max(1, self.least - self.beside) else None

    def at_least(self, total: int) -> int | None:
        """The smallest allowed total from this one on."""
        total = max(1, total, self.least - self.beside)
        total += -(total + self.beside) % self.step
        return total if self.most is None or total + self.beside <= self.most else None

    def nearest(self) -> int | None:
        """The allowed total nearest to the requested one: of two the smaller, and if possible one at which each line
        keeps a unit."""
        requested, lines = self.requested, len(self.lines)
        choices = [total for total in (self.at_most(requested), self.at_least(requested)) if total is not None]
        return min(choices, key=lambda total: (total < lines, abs(total - requested), total), default=None)


def plan_quantities(
    groups: Sequence[QuantityGroup], limits: Mapping[Resource, Decimal], max_quantity: int
) -> dict[str, int]:
    """The new quantities of the lines that change, by their ids; 0 for a line that must go.

    `groups` are in the basket's order; `limits` say how much there is for them. No line is raised above `max_quantity`.
    If a whole group must go, only such removals are planned: what they leave, with their add-ons, changes the rest.
    """
    usage = _Usage(limits)
    kept: list[QuantityGroup] = []
    gone: list[QuantityGroup] = []
    for group in groups:
        lowest = group.at_least(1)
        if lowest is not None and usage.fits(group, lowest):
            usage.add(group, lowest)
            kept.append(group)
        else:
            gone.append(group)
    if gone:
        return {line.id: 0 for group in gone for line in group.lines}
    quantities: dict[str, int] = {}
    for group, total in zip(kept, _totals(kept, usage), strict=True):
        quantities |= _distribute(group.lines, total, max_quantity)
    return quantities


def without_any_total(groups: Iterable[QuantityGroup], limits: Mapping[Resource, Decimal]) -> list[QuantityGroup]:
    """The groups that have no allowed total, even if each had all that is there."""
    usage = _Usage(limits)
    lowest = [(group, group.at_least(1)) for group in groups]
    return [group for group, total in lowest if total is None or not usage.fits(group, total)]


def _totals(groups: Sequence[QuantityGroup], usage: _Usage) -> list[int]:
    """The total of each group; `usage` holds the lowest ones."""
    floors: list[int] = []
    for group in groups:
        lowest = group.at_least(1) or 1
        each_kept = group.at_least(len(group.lines))
        if each_kept is not None and each_kept > lowest and usage.fits(group, each_kept - lowest):
            usage.add(group, each_kept - lowest)
            lowest = each_kept
        floors.append(lowest)
    wanted = [group.nearest() or floor for group, floor in zip(groups, floors, strict=True)]
    totals = [*wanted]
    for group, floor, total in zip(groups, floors, totals, strict=True):
        usage.add(group, total - floor)
    for index in reversed(range(len(groups))):
        group = groups[index]
        if not usage.fits(group, 0):
            most = group.at_most(totals[index] + min(0, usage.room(group)))
            lower = max(floors[index], most if most is not None else 0)
            usage.add(group, lower - totals[index])
            totals[index] = lower
    for index, group in enumerate(groups):
        if totals[index] < wanted[index]:
            higher = group.at_most(min(wanted[index], totals[index] + usage.room(group)))
            if higher is not None and higher > totals[index]:
                usage.add(group, higher - totals[index])
                totals[index] = higher
    return totals


class _Usage:
    """How much of each limited resource is taken."""

    def __init__(self, limits: Mapping[Resource, Decimal]) -> None:
        self._left = dict(limits)

    def add(self, group: QuantityGroup, units: int) -> None:
        for resource, need in self._needs(group):
            self._left[resource] -= need * units

    def fits(self, group: QuantityGroup, units: int) -> bool:
        """Whether so many more units of the group fit."""
        return all(need * units <= self._left[resource] for resource, need in self._needs(group))

    def room(self, group: QuantityGroup) -> int:
        """How many more units of the group fit; negative if too many are taken."""
        return min([_floor(self._left[resource], need) for resource, need in self._needs(group)], default=0)

    def _needs(self, group: QuantityGroup) -> Iterable[tuple[Resource, Decimal]]:
        return [(resource, need) for resource, need in group.needs.items() if resource in self._left and need]


def _floor(left: Decimal, need: Decimal) -> int:
    units = int(left // need)  # rounds towards zero
    return units - 1 if units * need > left else units


def _distribute(lines: Sequence[QuantityLine], total: int, max_quantity: int) -> dict[str, int]:
    """The new quantities of the lines that change. The first lines are raised, the last ones give. A line is removed
    only if all others have one unit."""
    quantities = {line.id: line.quantity for line in lines}
    difference = total - sum(quantities.values())
    if difference > 0:
        for line in lines:
            more = min(difference, max(max_quantity - line.quantity, 0))
            quantities[line.id] += more
            difference -= more
    for lowest in (1, 0):
        for line in reversed(lines):
            less = min(-difference, quantities[line.id] - lowest) if difference < 0 else 0
            quantities[line.id] -= less
            difference += less
    return {line.id: quantities[line.id] for line in lines if quantities[line.id] != line.quantity}
