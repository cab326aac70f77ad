"""Promises without keys: a signer that shows what it was given, and a verifier of tokens that were made here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from domain.ports.promises import BasketPromise, InvalidPromise
from tests.builders import NOW


@dataclass
class RecordingSigner:
    """Its tokens are numbered from 1."""

    signed: list[BasketPromise] = field(default_factory=list)

    def sign(self, promise: BasketPromise) -> str | None:
        self.signed.append(promise)
        return f"promise-{len(self.signed)}"


class InMemoryPromises:
    """PromiseVerifier."""

    def __init__(self) -> None:
        self._made: dict[str, BasketPromise] = {}

    def make(self, basket_id: str, version: int) -> str:
        token = f"promise/{basket_id}/{version}"
        self._made[token] = BasketPromise(basket_id, version, "acme", None, None, "", NOW, NOW + timedelta(minutes=15))
        return token

    def verify(self, token: str) -> BasketPromise:
        if token not in self._made:
            raise InvalidPromise("nobody made this promise")
        return self._made[token]
