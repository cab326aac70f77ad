"""What a successful call gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import httpx
from pydantic import ValidationError
from pydantic_core import from_json

from checkout_client.http.problems import UnexpectedAnswer, problem_of
from checkout_client.models import WireModel

M = TypeVar("M", bound=WireModel)

_VERSION_TAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,17})"')


@dataclass(frozen=True)
class CheckoutAnswer(Generic[M]):
    """An answer: `body` as it came, `value` as a model."""

    model: type[M]
    status: int
    headers: httpx.Headers
    body: dict[str, Any]
    """Empty where the basket is unchanged (304)."""
    idempotency_key: str | None = None
    """The key of the call; None for a call that reads."""

    @cached_property
    def value(self) -> M:
        """The body as a model. Raises UnexpectedAnswer if it is none."""
        try:
            return self.model.model_validate(self.body)
        except ValidationError as error:
            why = f"{error.error_count()} members are not as {self.model.__name__} has them"
            raise UnexpectedAnswer(why, self.status, self.headers, self.idempotency_key) from error

    @property
    def id(self) -> str:
        """The basket's id."""
        return str(self.body["id"])

    @property
    def etag(self) -> str | None:
        return self._header("ETag")

    @property
    def version(self) -> int | None:
        """The basket's version, from `ETag`: right for `if_match`."""
        found = _VERSION_TAG.fullmatch(self.etag or "")
        return int(found[1]) if found else None

    @property
    def not_modified(self) -> bool:
        """Whether the basket is still at the version that `if_none_match` names (304)."""
        return self.status == HTTPStatus.NOT_MODIFIED

    @property
    def replayed(self) -> bool:
        """Whether an earlier call with this key did the work, and this is its answer again."""
        return self._header("Idempotent-Replayed") == "true"

    @property
    def ignored(self) -> Sequence[str]:
        """Pointers to the members of the request that the service does not know and did not keep."""
        return list(self.body.get("ignored", ()))

    @property
    def ignored_more(self) -> int:
        """How many more were ignored."""
        return int(self.body.get("ignoredMore", 0))

    @property
    def preference_applied(self) -> str | None:
        """How unknown members were handled, such as `handling=strict`."""
        return self._header("Preference-Applied")

    def _header(self, name: str) -> str | None:
        value: str | None = self.headers.get(name)
        return value


def read_answer(model: type[M], response: httpx.Response, idempotency_key: str | None = None) -> CheckoutAnswer[M]:
    """The answer. Raises a CheckoutProblem if it is no success, and UnexpectedAnswer if its body is no object."""
    status = response.status_code
    if status == HTTPStatus.NOT_MODIFIED:
        return CheckoutAnswer(model, status, response.headers, {}, idempotency_key)
    if not response.is_success:
        raise problem_of(response, idempotency_key)
    try:
        body = from_json(response.content)
    except ValueError as error:
        raise UnexpectedAnswer("it is no JSON", status, response.headers, idempotency_key) from error
    if not isinstance(body, dict):
        raise UnexpectedAnswer("it is no object", status, response.headers, idempotency_key)
    return CheckoutAnswer(model, status, response.headers, body, idempotency_key)
