"""Runs the cases, several at once, and says of each what became of it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from cli.conformance.case import Case, CaseOutcome, Need
from cli.conformance.client import CallLog, ServiceCall
from cli.conformance.context import LIST, CaseContext, SuiteRun
from cli.conformance.exchange import Exchange
from cli.conformance.failures import CaseNotRun, CaseSkipped, Deviation
from domain.shared.errors import CheckoutError

CASE_LIMIT_SECONDS = 180.0


class ServiceNotUsable(CheckoutError):
    """The service cannot be reached, or does not take a token: no case says anything."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case. `reason` says why it was skipped, or could not be run.

    `failure` and `exchange` are about the deviation. `left_open` are baskets that could not be cancelled.
    """

    case: Case
    outcome: CaseOutcome
    seconds: float
    reason: str | None = None
    failure: Deviation | None = None
    exchange: Exchange | None = None
    exchanges: tuple[Exchange, ...] = ()
    expected: tuple[str, ...] = ()
    left_open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """The results in the order of the cases."""

    url: str
    run_id: str
    results: tuple[CaseResult, ...]
    seconds: float

    def count(self, outcome: CaseOutcome) -> int:
        return sum(result.outcome is outcome for result in self.results)

    @property
    def conforms(self) -> bool:
        """Nothing failed, and every case that was not skipped could be run."""
        return not self.count(CaseOutcome.FAILED) and not self.count(CaseOutcome.ERROR)

    @property
    def left_open(self) -> list[str]:
        return [basket_id for result in self.results for basket_id in result.left_open]


ResultCallback = Callable[[CaseResult], None]


async def require_service(run: SuiteRun) -> None:
    """Raises ServiceNotUsable unless the service answers and takes the tokens of both organisations."""
    options = run.options
    for option, token in (("--token", options.token), ("--other-token", options.other_token)):
        if token is None:
            continue
        try:
            answer = await run.client.send(ServiceCall("GET", f"{LIST}?limit=1", token=token), CallLog())
        except CaseNotRun as error:
            raise ServiceNotUsable(f"{options.url} cannot be reached: {error}") from error
        if answer.status in (401, 403):
            raise ServiceNotUsable(
                f"{options.url} refuses the token of {option} with {answer.status}: "
                "it has to be valid, and to have the scope `partner`"
            )


async def run_cases(
    run: SuiteRun, cases: Sequence[Case], on_result: ResultCallback = lambda _: None
) -> tuple[CaseResult, ...]:
    """The results in the order of the cases."""
    places = asyncio.Semaphore(run.options.at_once)

    async def in_turn(case: Case) -> CaseResult:
        async with places:
            result = await _run_case(run, case)
        on_result(result)
        return result

    results: dict[str, CaseResult] = {}
    for last in (False, True):
        group = [case for case in cases if case.last is last]
        results |= {result.case.id: result for result in await asyncio.gather(*map(in_turn, group))}
    return tuple(results[case.id] for case in cases)


async def _run_case(run: SuiteRun, case: Case) -> CaseResult:
    if (missing := missing_needs(run, case.needs)) is not None:
        return CaseResult(case, CaseOutcome.SKIPPED, 0.0, f"it needs {missing}")
    began = monotonic()
    context = CaseContext(run, case.id)
    try:
        attempt = await _attempt(case, context)
    finally:
        left_open = await context.clean_up()
    log = context.log
    exchange = attempt.failure.exchange if attempt.failure is not None else None
    if exchange is None and attempt.outcome is not CaseOutcome.PASSED and log.exchanges:
        exchange = log.exchanges[-1]
    return CaseResult(
        case,
        attempt.outcome,
        monotonic() - began,
        attempt.reason,
        attempt.failure,
        exchange,
        tuple(log.exchanges),
        tuple(log.expected),
        tuple(left_open),
    )


@dataclass(frozen=True, slots=True)
class _Attempt:
    outcome: CaseOutcome
    reason: str | None = None
    failure: Deviation | None = field(default=None)


async def _attempt(case: Case, context: CaseContext) -> _Attempt:
    try:
        async with asyncio.timeout(CASE_LIMIT_SECONDS):
            await case.run(context)
    except Deviation as deviation:
        return _Attempt(CaseOutcome.FAILED, failure=deviation)
    except CaseSkipped as skipped:
        return _Attempt(CaseOutcome.SKIPPED, str(skipped))
    except CaseNotRun as error:
        return _Attempt(CaseOutcome.ERROR, str(error))
    except TimeoutError:
        return _Attempt(CaseOutcome.ERROR, f"it was not over after {CASE_LIMIT_SECONDS:g} s")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # An answer of another shape than the contract's: cases read answers as the contract describes them.
        where = traceback.extract_tb(error.__traceback__)[-1]
        came = f"something else: {type(error).__name__}: {error} (at `{where.line}`)"
        return _Attempt(CaseOutcome.FAILED, failure=Deviation("an answer of the contract's shape", came))
    except Exception as error:  # noqa: BLE001  (a fault in one case must not end the others)
        return _Attempt(CaseOutcome.ERROR, f"the case itself failed: {type(error).__name__}: {error}")
    return _Attempt(CaseOutcome.PASSED)


def missing_needs(run: SuiteRun, needs: Iterable[Need]) -> str | None:
    """The first need that the run does not meet, in words; None if it meets all."""
    options, offers = run.options, run.offers
    met = {
        Need.OFFER: offers is not None,
        Need.TWO_OFFERS: offers is not None and len(offers.sellable) > 1,
        Need.CATALOGUE: offers is not None and offers.own is not None,
        Need.OTHER_TOKEN: options.other_token is not None,
        Need.OTHER_SCOPE_TOKEN: options.other_scope_token is not None,
        Need.KAFKA: run.kafka is not None,
        Need.ORGANISATION: options.organisation is not None,
        Need.DEAD_LETTERS: options.dead_letters_allowed,
    }
    return next((need.value for need in needs if not met[need]), None)
