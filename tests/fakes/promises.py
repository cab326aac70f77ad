"""A signer that shows what it was given."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.ports.promises import BasketPromise


@dataclass
class RecordingSigner:
    """Its tokens are numbered from 1."""

    signed: list[BasketPromise] = field(default_factory=list)

    def sign(self, promise: BasketPromise) -> str | None:
        self.signed.append(promise)
        return f"promise-{len(self.signed)}"
