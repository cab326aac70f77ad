"""Bodies in the shapes that partners of Limio send, each with what becomes of it: the files in `bodies/`.

`call` is initiate or update; `body` is its JSON, or `text` where only the text shows what matters. `before` is the body
of an initiate that begins the basket. `becomes` is a success (`order` holds what matters of the order, `ignored` and
`applied` are exact) or a problem (`code`, and the pointer and code of each error).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue.facts import Fact
from tests.builders import offer, price

FOLDER = Path(__file__).parent / "bodies"

CATALOGUE: tuple[Fact, ...] = (
    offer("o-weekly"),
    price("o-weekly", "10.00", country="GB"),
    price("o-weekly", "12.00", country="IE"),
    offer("o-monthly"),
    offer("a-crossword", addOnTo=["o-weekly"]),
)


@dataclass(frozen=True)
class PartnerBody:
    call: str
    sent: bytes
    before: bytes | None
    prefer: str | None
    becomes: dict[str, Any]

    def check(self, status: int, headers: dict[str, str], body: Any, order: Any) -> None:
        """Fails unless this became of it. `order` is the basket's order afterwards, None after a problem."""
        assert status == self.becomes["status"], body
        assert headers.get("preference-applied") == self.becomes["applied"]
        if status != 200:
            assert body["code"] == self.becomes["code"]
            assert body["message"] == body["detail"]
            assert [[error["pointer"], error["code"]] for error in body["errors"]] == self.becomes["errors"]
            return
        assert body.get("ignored", []) == self.becomes["ignored"]
        assert "ignoredMore" not in body
        assert partial_of(order, self.becomes["order"]) == self.becomes["order"]


def partial_of(whole: Any, part: Any) -> Any:
    """The whole without members of objects that the part does not have."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return {name: partial_of(value, part[name]) for name, value in whole.items() if name in part}
    if isinstance(whole, list) and isinstance(part, list) and len(whole) == len(part):
        return [partial_of(*pair) for pair in zip(whole, part, strict=True)]
    return whole


def _read(path: Path) -> PartnerBody:
    document = json.loads(path.read_bytes())
    sent = document["text"] if "text" in document else json.dumps(document["body"])
    before = document.get("before")
    return PartnerBody(
        call=document["call"],
        sent=sent.encode(),
        before=None if before is None else json.dumps(before).encode(),
        prefer=document.get("prefer"),
        becomes=document["becomes"],
    )


BODIES = [pytest.param(_read(path), id=path.stem) for path in sorted(FOLDER.glob("*.json"))]
