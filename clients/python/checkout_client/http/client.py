"""The client of the partner API, for asyncio. `sync_client.py` has its twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
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
from checkout_client.http.tokens import AsyncToken
from checkout_client.jwks import PATH, JwkSet, RemoteJwkSet
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
from checkout_client.promises import DEFAULT_ISSUER, PromiseChecker

M = TypeVar("M", bound=WireModel)
T = TypeVar("T")


class CheckoutClient:
    """A partner's gateway. Every call that changes something has an idempotency key, and is sent again with the same
    key where that can help (RetryPolicy).

    Calls raise CheckoutProblem, NoAnswer and UnexpectedAnswer. Close the client, or use `async with`.
    """

    def __init__(
        self,
        url: str,
        token: AsyncToken | None = None,
        *,
        retries: RetryPolicy = DEFAULT_RETRIES,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        landing_cookie: str = calls.LANDING_COOKIE,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`url` is the service's address. `token` is a bearer token, or a function that gives one and is asked again
        after a 401. `timeout` is that of one attempt, in seconds. `landing_cookie` is the service's
        `CHECKOUT_LANDING_COOKIE`. `http` stays open; without it the client has connections of its own."""
        self._exchange = Exchange(url, token, retries, landing_cookie)
        self._http = http or httpx.AsyncClient(headers=HEADERS, timeout=timeout)
        self._owns_http = http is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    async def initiate(self, body: Body, **options: Unpack[ChangeOptions]) -> CheckoutAnswer[InitiateAnswer]:
        """Creates a basket, or brings the one that the body means to what it says. The answer has its `id`."""
        return await self.send(calls.initiate_call(body, **options))

    async def update(
        self, basket_id: str, body: Body, **options: Unpack[ChangeOptions]
    ) -> CheckoutAnswer[UpdateAnswer]:
        """Applies `orderItemActions` to the basket, all or none."""
        return await self.send(calls.update_call(basket_id, body, self._exchange.landing_cookie, **options))

    async def validate(self, basket_id: str, **options: Unpack[CommandOptions]) -> CheckoutAnswer[Verdict]:
        """The verdict on the basket as it is now."""
        return await self.send(calls.validate_call(basket_id, **options))

    async def cancel(
        self, basket_id: str, body: Body, **options: Unpack[CommandOptions]
    ) -> CheckoutAnswer[CancelAnswer]:
        """Gives the basket up, for a `reason`."""
        return await self.send(calls.cancel_call(basket_id, body, **options))

    async def get(self, basket_id: str, **options: Unpack[ReadOptions]) -> CheckoutAnswer[OrderAnswer]:
        """The basket as it is. With `if_none_match`, an unchanged one is `not_modified`."""
        return await self.send(calls.get_call(basket_id, **options))

    async def list_baskets(self, **filters: Unpack[ListFilters]) -> AsyncIterator[BasketSummary]:
        """The organisation's own baskets, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_page(cursor, **filters)
            for basket in page.value.baskets:
                yield basket
            cursor = page.value.next
            if cursor is None:
                return

    async def list_page(
        self, cursor: str | None = None, **filters: Unpack[ListFilters]
    ) -> CheckoutAnswer[BasketListAnswer]:
        """One page. `next` of its answer leads to the next one, with the same filters."""
        return await self.send(calls.list_call(cursor, **filters))

    async def apply_remedy(self, verdict: Judged, **options: Unpack[ChangeOptions]) -> CheckoutAnswer[UpdateAnswer]:
        """Sends the remedy of a verdict, or of an answer with findings, as it stands. Raises NoRemedy, and
        PreconditionFailedProblem if the basket moved meanwhile: validate again."""
        return await self.send(remedies.remedy_call(verdict, self._exchange.landing_cookie, **options))

    async def make_ready(
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
        return await self._follow(steps)

    async def promise_keys(self) -> JwkSet:
        """The keys by which promises are checked, as they are now. `promise_checker` keeps them."""
        return JwkSet.parse((await self.send(calls.promise_keys_call())).body)

    def promise_checker(self, *, issuer: str = DEFAULT_ISSUER, leeway: timedelta = timedelta(0)) -> PromiseChecker:
        """Checks promises by this service's keys."""
        return PromiseChecker(RemoteJwkSet(self._exchange.url + PATH, http=self._http), issuer=issuer, leeway=leeway)

    async def send(self, call: CheckoutCall[M]) -> CheckoutAnswer[M]:
        """Sends a call of `checkout_client.http.calls`, again where that can help."""
        return await self._exchange.retries.async_retrying()(self._attempt, call)

    async def _attempt(self, call: CheckoutCall[M]) -> CheckoutAnswer[M]:
        try:
            request = self._exchange.request(call, self._http.headers)
            response = await self._http.send(request, auth=self._exchange.auth(call, self._http.auth))
        except httpx.RequestError as error:
            raise NoAnswer(error, call.idempotency_key) from error
        return read_answer(call.model, response, call.idempotency_key)

    async def _follow(self, steps: Steps[T]) -> T:
        try:
            call = next(steps)
            while True:
                try:
                    answer = await self.send(call)
                except CheckoutProblem as problem:
                    call = steps.throw(problem)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
