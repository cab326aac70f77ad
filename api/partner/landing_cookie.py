"""The landing state cookie: a pointer to a basket, never a credential."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.settings import Settings
from adapters.wire.request_errors import InvalidLandingState
from adapters.wire.strict_json import read_json
from api.http.headers import cookie_values
from domain.basket.basket import Basket
from domain.shared.values import BASKET_ID_PATTERN, BasketId, normalize_id

LARGEST_COOKIE = 4096

_USUAL = re.compile(f"%7B%22basketId%22%3A(?:%20)?%22({BASKET_ID_PATTERN.strip('^$')})%22%7D")
"""A value as `write` makes it and nearly every caller sends it back, or as other JSON libraries make it."""


class LandingState(BaseModel):
    """The cookie's value, as percent-encoded JSON."""

    model_config = ConfigDict(strict=True)

    basket_id: BasketId = Field(alias="basketId")


class LandingStateCookie:
    """Reads and writes the cookie that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.landing_cookie
        self._alone = re.compile(f"{re.escape(self._name)}={_USUAL.pattern}")
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax"
        if settings.landing_cookie_secure:
            self._attributes += "; Secure"

    def read(self, headers: dict[str, str]) -> str | None:
        """The basket's id; None without the cookie. Raises InvalidLandingState if the value is too large, is unreadable,
        or comes twice with different content."""
        header = headers.get("cookie", "")
        if (alone := self._alone.fullmatch(header)) is not None:  # the only cookie, as gateways send it
            return normalize_id(alone[1])
        values = set(cookie_values(header, self._name))
        if not values:
            return None
        if len(values) > 1:
            raise InvalidLandingState(f"the cookie {self._name} comes twice")
        value = values.pop()
        if (usual := _USUAL.fullmatch(value)) is not None:
            return normalize_id(usual[1])
        if len(value) > LARGEST_COOKIE:
            raise InvalidLandingState(f"the cookie {self._name} is larger than {LARGEST_COOKIE} bytes")
        try:
            said = unquote(value, errors="strict")
            read_json(said.encode())
            return normalize_id(LandingState.model_validate_json(said).basket_id)
        except (ValidationError, ValueError) as error:
            raise InvalidLandingState(f"the cookie {self._name} cannot be read") from error

    def require(self, headers: dict[str, str]) -> str:
        """The basket's id; raises InvalidLandingState without a cookie too."""
        basket_id = self.read(headers)
        if basket_id is None:
            raise InvalidLandingState(f"the cookie {self._name} is missing")
        return basket_id

    def write(self, basket: Basket, now: datetime) -> str:
        """The value of `Set-Cookie`; the cookie lives as long as the basket."""
        seconds = max(0, int((basket.expires_at - now).total_seconds()))
        # {"basketId":"…"} percent-encoded; an id has no character that is.
        return f"{self._name}=%7B%22basketId%22%3A%22{basket.id}%22%7D; Max-Age={seconds}{self._attributes}"
