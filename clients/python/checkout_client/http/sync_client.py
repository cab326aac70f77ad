"""The client of the partner API without asyncio. `client.py` has its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from checkout_client.http import calls, remedies
from checkout_client.http.answers import CheckoutAnswer, read_answer
from checkout_client.http.calls import (
    Body,
    ChangeOptions,
    CheckoutCall,
    CommandOptions,
    ListFilters,
    ReadOptions,
    TraceOptions,
)
from checkout_client.http.exchange import DEFAULT_RETRIES, DEFAULT_TIMEOUT, HEADERS, Exchange
from checkout_client.http.problems import CheckoutProblem, NoAnswer
from checkout_client.http.remedies import DEFAULT_ROUNDS, Judged, MendedBasket, RemedyDocument, Steps
from checkout_client.http.retries import RetryPolicy
from checkout_client.http.tokens import Token
from checkout_client.jwks import JwkSet
from checkout_client.models import WireModel
from checkout_client.models.answers import (
    BasketListAnswer,
    BasketSummary,
    CancelAnswer,
    InitiateAnswer,
    OrderAnswer,
    UpdateAnswer,
    Verdict,
)

M = TypeVar("M", bound=WireModel)
T = TypeVar("T")


class SyncCheckoutClient:
    """A partner's gateway. Every call that changes something has an idempotency key, and is sent again with the same
    key where that can help (RetryPolicy).

    Calls raise CheckoutProblem, NoAnswer and UnexpectedAnswer. Close the client, or use `with`.
    """

    def __init__(
        self,
        url: str,
        token: Token | None = None,
        *,
        retries: RetryPolicy = DEFAULT_RETRIES,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        landing_cookie: str = calls.LANDING_COOKIE,
        http: httpx.Client | None = None,
    ) -> None:
        """`url` is the service's address. `token` is a bearer token, or a function that gives one and is asked again
        after a 401. `timeout` is that of one attempt, in seconds. `landing_cookie` is the service's
        `CHECKOUT_LANDING_COOKIE`. `http` stays open; without it the client has connections of its own."""
        self._exchange = Exchange(url, token, retries, landing_cookie)
        self._http = http or httpx.Client(headers=HEADERS, timeout=timeout)
        self._owns_http = http is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owns_http:
            self._http.close()

    def initiate(self, body: Body, **options: Unpack[ChangeOptions]) -> CheckoutAnswer[InitiateAnswer]:
        """Creates a basket, or brings the one that the body means to what it says. The answer has its `id`."""
        return self.send(calls.initiate_call(body, **options))

    def update(self, basket_id: str, body: Body, **options: Unpack[ChangeOptions]) -> CheckoutAnswer[UpdateAnswer]:
        """Applies `orderItemActions` to the basket, all or none."""
        return self.send(calls.update_call(basket_id, body, self._exchange.landing_cookie, **options))

    def validate(self, basket_id: str, **options: Unpack[CommandOptions]) -> CheckoutAnswer[Verdict]:
        """The verdict on the basket as it is now."""
        return self.send(calls.validate_call(basket_id, **options))

    def cancel(self, basket_id: str, body: Body, **options: Unpack[CommandOptions]) -> CheckoutAnswer[CancelAnswer]:
        """Gives the basket up, for a `reason`."""
        return self.send(calls.cancel_call(basket_id, body, **options))

    def get(self, basket_id: str, **options: Unpack[ReadOptions]) -> CheckoutAnswer[OrderAnswer]:
        """The basket as it is. With `if_none_match`, an unchanged one is `not_modified`."""
        return self.send(calls.get_call(basket_id, **options))

    def list_baskets(self, **filters: Unpack[ListFilters]) -> Iterator[BasketSummary]:
        """The organisation's own baskets, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_page(cursor, **filters)
            yield from page.value.baskets
            cursor = page.value.next
            if cursor is None:
                return

    def list_page(self, cursor: str | None = None, **filters: Unpack[ListFilters]) -> CheckoutAnswer[BasketListAnswer]:
        """One page. `next` of its answer leads to the next one, with the same filters."""
        return self.send(calls.list_call(cursor, **filters))

    def apply_remedy(self, verdict: Judged, **options: Unpack[ChangeOptions]) -> CheckoutAnswer[UpdateAnswer]:
        """Sends the remedy of a verdict, or of an answer with findings, as it stands. Raises NoRemedy, and
        PreconditionFailedProblem if the basket moved meanwhile: validate again."""
        return self.send(remedies.remedy_call(verdict, self._exchange.landing_cookie, **options))

    def make_ready(
        self,
        basket_id: str,
        *,
        rounds: int = DEFAULT_ROUNDS,
        accept: Callable[[RemedyDocument], bool] = remedies.accept_any,
        **options: Unpack[TraceOptions],
    ) -> MendedBasket:
        """Validates, applies the remedy and validates again, at most `rounds` times, until the basket is ready or
        nothing more can be mended. `accept` sees each remedy first, and may decline it."""
        steps = remedies.mending(
            basket_id, rounds=rounds, accept=accept, landing_cookie=self._exchange.landing_cookie, **options
        )
        return self._follow(steps)

    def promise_keys(self) -> JwkSet:
        """The keys by which promises are checked, as they are now: see `check_promise`."""
        return JwkSet.parse((self.send(calls.promise_keys_call())).body)

    def send(self, call: CheckoutCall[M]) -> CheckoutAnswer[M]:
        """Sends a call of `checkout_client.http.calls`, again where that can help."""
        return self._exchange.retries.retrying()(self._attempt, call)

    def _attempt(self, call: CheckoutCall[M]) -> CheckoutAnswer[M]:
        try:
            request = self._exchange.request(call, self._http.headers)
            response = self._http.send(request, auth=self._exchange.auth(call, self._http.auth))
        except httpx.RequestError as error:
            raise NoAnswer(error, call.idempotency_key) from error
        return read_answer(call.model, response, call.idempotency_key)

    def _follow(self, steps: Steps[T]) -> T:
        try:
            call = next(steps)
            while True:
                try:
                    answer = self.send(call)
                except CheckoutProblem as problem:
                    call = steps.throw(problem)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
