"""A verdict's remedy: the actions that mend what the caller can mend, sent as they stand.

The steps are plain data, which both clients follow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Unpack

from checkout_client.errors import CheckoutClientError
from checkout_client.http.answers import CheckoutAnswer
from checkout_client.http.calls import (
    LANDING_COOKIE,
    ChangeOptions,
    CheckoutCall,
    TraceOptions,
    to_wire,
    update_call,
    validate_call,
)
from checkout_client.http.problems import PreconditionFailedProblem
from checkout_client.models import WireModel
from checkout_client.models.answers import UpdateAnswer, Verdict

T = TypeVar("T")
Steps = Generator[CheckoutCall[Any], CheckoutAnswer[Any], T]
"""Gives calls, takes their answers (or errors, thrown in), and returns the outcome."""

RemedyDocument = Mapping[str, Any]
"""As it came: a later release may have kinds of actions that this one does not know."""
Judged = CheckoutAnswer[Any] | WireModel | Mapping[str, Any]
"""A verdict, or an answer with `findings`."""
Outcome = Literal["ready", "nothing_to_mend", "not_accepted", "rounds_used"]

DEFAULT_ROUNDS = 5


class NoRemedy(CheckoutClientError, ValueError):
    """The verdict has no remedy: nothing is wrong, or only the seller or time can help."""


@dataclass(frozen=True, slots=True)
class AppliedRemedy:
    """What was sent, and what it did."""

    remedy: RemedyDocument
    answer: CheckoutAnswer[UpdateAnswer]


@dataclass(frozen=True, slots=True)
class MendedBasket:
    """The last verdict, what was changed before it, and why no more was."""

    verdict: CheckoutAnswer[Verdict]
    changes: Sequence[AppliedRemedy]
    outcome: Outcome

    @property
    def ready(self) -> bool:
        return self.verdict.body.get("ready") is True

    @property
    def promise(self) -> str | None:
        """The promise of the last verdict, for order services."""
        return self.verdict.body.get("promise")


def accept_any(remedy: RemedyDocument) -> bool:
    """For a caller who takes whatever mends the basket, other prices and removed lines included."""
    return True


def find_remedy(judged: Judged) -> RemedyDocument | None:
    """The remedy of a verdict or of findings; None if there is none."""
    document = _document(judged)
    remedy = document.get("remedy") or (document.get("findings") or {}).get("remedy")
    return remedy if isinstance(remedy, Mapping) else None


def remedy_call(
    judged: Judged, landing_cookie: str = LANDING_COOKIE, **options: Unpack[ChangeOptions]
) -> CheckoutCall[UpdateAnswer]:
    """The update that applies a remedy, at the version that it was judged on. Raises NoRemedy."""
    remedy = find_remedy(judged)
    if remedy is None:
        raise NoRemedy("the verdict has no remedy")
    options["if_match"] = str(remedy["ifMatch"])
    body = {"orderItemActions": remedy["orderItemActions"]}
    return update_call(str(_document(judged)["id"]), body, landing_cookie, **options)


def mending(
    basket_id: str,
    *,
    rounds: int = DEFAULT_ROUNDS,
    accept: Callable[[RemedyDocument], bool] = accept_any,
    landing_cookie: str = LANDING_COOKIE,
    **options: Unpack[TraceOptions],
) -> Steps[MendedBasket]:
    """Validates, applies the remedy and validates again, at most `rounds` times, until the basket is ready or nothing
    more can be mended. `accept` sees each remedy first and may decline it. Where the basket moved meanwhile (412), the
    next round has the new verdict."""
    changes: list[AppliedRemedy] = []
    verdict = yield validate_call(basket_id, **options)
    for _ in range(rounds):
        remedy = find_remedy(verdict)
        if verdict.body.get("ready") is True or remedy is None:
            break
        if not accept(remedy):
            return MendedBasket(verdict, changes, "not_accepted")
        try:
            answer = yield remedy_call(verdict, landing_cookie, **options)
            changes.append(AppliedRemedy(remedy, answer))
        except PreconditionFailedProblem:
            pass
        verdict = yield validate_call(basket_id, **options)
    return MendedBasket(verdict, changes, _outcome(verdict))


def _outcome(verdict: CheckoutAnswer[Verdict]) -> Outcome:
    if verdict.body.get("ready") is True:
        return "ready"
    return "nothing_to_mend" if find_remedy(verdict) is None else "rounds_used"


def _document(judged: Judged) -> Mapping[str, Any]:
    return judged.body if isinstance(judged, CheckoutAnswer) else to_wire(judged)
