"""A case of the suite: one line of the contract, and a function that tries whether it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType

from cli.conformance.context import CaseContext

RunCase = Callable[[CaseContext], Awaitable[None]]


class CaseOutcome(StrEnum):
    """`error`: the case could not be run to its end, so that nothing is known."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class Need(StrEnum):
    """What a case needs beside a token. Without it the case is skipped, and the value says why."""

    OFFER = "a sellable offer: --offer ID:VERSION, or --load-catalogue"
    TWO_OFFERS = "two sellable offers: --offer ID:VERSION twice, or --load-catalogue"
    CATALOGUE = "offers of its own: --load-catalogue with --kafka"
    OTHER_TOKEN = "the token of another organisation: --other-token"  # noqa: S105  (no token itself)
    OTHER_SCOPE_TOKEN = "a token without the scope `partner`: --other-scope-token"  # noqa: S105
    KAFKA = "the topics: --kafka"
    ORGANISATION = "the organisation of the token: --partner-claim names its claim"
    DEAD_LETTERS = "leave to send nonsense, which becomes a dead letter: --allow-dead-letters"


NEED_OFFERS = frozenset({Need.OFFER, Need.TWO_OFFERS, Need.CATALOGUE})


@dataclass(frozen=True, slots=True)
class Case:
    """`id` is stable. `line` quotes the contract under its `heading`. `last`: it judges what the others met."""

    id: str
    title: str
    heading: str
    line: str
    needs: tuple[Need, ...]
    run: RunCase
    last: bool = False


def case(
    id: str, title: str, *, heading: str, line: str, needs: tuple[Need, ...] = (), last: bool = False
) -> Callable[[RunCase], Case]:
    """Makes a case of the function."""
    return lambda run: Case(id, title, heading, line, needs, run, last)


def cases_of(*modules: ModuleType) -> tuple[Case, ...]:
    """The cases of the modules, in the order in which they stand there."""
    return tuple(each for module in modules for each in vars(module).values() if isinstance(each, Case))
