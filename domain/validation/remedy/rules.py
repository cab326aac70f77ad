"""How each kind of error is mended: by the least change of the lines that it concerns.

Kinds are mended in the order of this module: errors of single lines, offers that exclude each other, errors of the
basket as a whole, and quantities last, because they depend on which lines stay and what they cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from domain.shared.findings import Finding
from domain.validation.context import ValidationContext
from domain.validation.context_items import BasketLine
from domain.validation.remedy.proposal import Proposal
from domain.validation.remedy.scarcity import QUANTITY_CODES, mend_quantities, remove_hopeless

_PRICE_CODES = frozenset({"price_changed", "expected_price_differs"})


def mend(proposal: Proposal, context: ValidationContext, errors: Sequence[Finding]) -> None:
    """Proposes changes for the first kind of errors that something can be done about. `context` is that of the basket
    to which the proposal leads so far, and `errors` are its errors."""
    excluding = [error for error in errors if error.code == "offers_incompatible"]
    whole = [error for error in errors if error.code in _WHOLE_BASKET]
    quantities = [error for error in errors if error.code in QUANTITY_CODES]
    elsewhere = {"offers_incompatible", *_WHOLE_BASKET, *QUANTITY_CODES}
    of_lines = [error for error in errors if error.code not in elsewhere and error.line_ids]
    revision = proposal.revision
    _mend_lines(proposal, context, of_lines)
    if proposal.revision == revision and (excluding or whole):
        _mend_together(proposal, context, excluding, whole, quantities)
    if proposal.revision == revision and quantities:
        mend_quantities(proposal, context, quantities)


def _mend_together(
    proposal: Proposal,
    context: ValidationContext,
    excluding: Sequence[Finding],
    whole: Sequence[Finding],
    quantities: Sequence[Finding],
) -> None:
    """Proposes changes for the first errors about several offers or all lines that something can be done about."""
    # Other lines need not make way for those that must go anyway.
    if remove_hopeless(proposal, context, quantities):
        return
    revision = proposal.revision
    if excluding:
        _separate_offers(proposal, context, excluding)
    for error in whole:
        if proposal.revision == revision:
            _WHOLE_BASKET[error.code](proposal, context, error)


def _mend_lines(proposal: Proposal, context: ValidationContext, errors: Iterable[Finding]) -> None:
    """Swaps a superseded version for its successor, accepts a changed price, or else removes the line."""
    codes: dict[str, set[str]] = {}
    for error in errors:
        for id in proposal.lines_to_mend(error):
            codes.setdefault(id, set()).add(error.code)
    lines = {line.item.id: line for line in context.lines}
    for id, found in codes.items():
        line = lines[id]
        is_price_only = found <= _PRICE_CODES
        if not is_price_only and line.successor is not None and proposal.try_once(id, "swap"):
            proposal.swap(id, line.successor.id, line.successor.version)
        elif is_price_only and line.price.current is not None and proposal.try_once(id, "price"):
            proposal.accept_price(id, line.price.current.money)
        else:
            proposal.remove(id)


def _separate_offers(proposal: Proposal, context: ValidationContext, errors: Iterable[Finding]) -> None:
    """Keeps each offer that no offer before it in the basket excludes, and removes the others. Offers on lines that
    may not change come first."""
    exclude: dict[str, set[str]] = {}
    for error in errors:
        for other in _texts(error.data["incompatibleWith"]):
            exclude.setdefault(str(error.offer_id), set()).add(other)
            exclude.setdefault(other, set()).add(str(error.offer_id))
    lines: dict[str, list[BasketLine]] = {}
    for line in context.lines:
        if line.offer is not None and line.item.offer.id in exclude:
            lines.setdefault(line.item.offer.id, []).append(line)
    kept = {id for id, same in lines.items() if not all(proposal.may_change(line.item.id) for line in same)}
    for offer_id, same in lines.items():
        staying = [line.item.id for line in same if not proposal.is_removed(line.item.parent_id)]
        if exclude[offer_id] & kept and offer_id not in kept:
            for id in staying:
                proposal.remove(id)
        elif staying:
            kept.add(offer_id)


def _keep_one_currency(proposal: Proposal, context: ValidationContext, error: Finding) -> None:
    """Keeps the lines in the basket's currency if there are any, else those in the currency of most lines."""
    _keep_most(
        proposal,
        {line.item.id: line.item.price.currency for line in context.lines if line.item.price is not None},
        context.basket.details.currency,
    )


def _keep_one_interval(proposal: Proposal, context: ValidationContext, error: Finding) -> None:
    """Keeps the lines that are paid as most lines are."""
    _keep_most(
        proposal, {line.item.id: line.item.price.interval for line in context.lines if line.item.price is not None}
    )


def _keep_most(proposal: Proposal, kinds: Mapping[str, object], preferred: object = None) -> None:
    """Keeps the lines of the preferred kind, else of the most frequent one, else of the first. The kind of lines that
    may not change comes before all."""
    counts = Counter(kinds.values())
    unchanging = Counter(kind for id, kind in kinds.items() if not proposal.may_change(id))
    kept = (
        preferred
        if preferred in counts and not unchanging
        else max(counts, key=lambda kind: (unchanging[kind], counts[kind]))
    )
    for id, kind in kinds.items():
        if kind != kept and proposal.may_change(id):
            proposal.remove(id)


def _drop_last_lines(proposal: Proposal, context: ValidationContext, error: Finding) -> None:
    """Removes the last lines until few enough are left. An offer goes after its add-ons, which would go with it."""
    items = [line.item for line in context.lines]
    add_ons = Counter(item.parent_id for item in items)
    too_many = len(items) - (context.policy.maximum_lines or 0)
    # Add-ons that stand before their offer let it go only in the second round.
    for item in [*reversed(items), *reversed(items)]:
        if too_many > 0 and not add_ons[item.id] and not proposal.is_removed(item.id):
            proposal.remove(item.id)
            add_ons[item.parent_id] -= 1
            too_many -= 1


_WHOLE_BASKET: Mapping[str, Callable[[Proposal, ValidationContext, Finding], None]] = {
    "mixed_currencies": _keep_one_currency,
    "mixed_rates": _keep_one_interval,
    "too_many_lines": _drop_last_lines,
}


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
