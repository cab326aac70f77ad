"""The fields of a finding's `data`. Each check declares its own; `checkout checks` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import JsonValue

from domain.shared.money import INTERVAL_PATTERN, SUM_PATTERN, ExpectedPrice, Money, Price

DataType = Literal["text", "number", "time", "money", "texts", "intervals"]
"""`money` is an amount in a currency, with the interval of a recurring price. `time` is RFC 3339 in UTC. `texts` is a
list, and `intervals` a list of ISO 8601 durations, null for once."""


@dataclass(frozen=True, slots=True)
class DataField:
    """One field of `data`, with a description for people."""

    name: str
    type: DataType
    description: str
    or_null: bool = False

    @property
    def type_text(self) -> str:
        return f"{self.type} or null" if self.or_null else self.type

    def schema(self) -> dict[str, Any]:
        """The field as JSON Schema."""
        schema = _SCHEMAS[self.type]
        return {
            "description": self.description,
            **({"anyOf": [schema, {"type": "null"}]} if self.or_null else schema),
        }


_SCHEMAS: dict[DataType, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "integer"},
    "time": {"type": "string", "format": "date-time"},
    "money": {
        "type": "object",
        "properties": {
            "amount": {"type": "string", "pattern": SUM_PATTERN},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "interval": {"anyOf": [{"type": "string", "pattern": INTERVAL_PATTERN}, {"type": "null"}]},
        },
        "required": ["amount", "currency"],
        "additionalProperties": False,
    },
    "texts": {"type": "array", "items": {"type": "string"}},
    "intervals": {
        "type": "array",
        "items": {"anyOf": [{"type": "string", "pattern": INTERVAL_PATTERN}, {"type": "null"}]},
    },
}


def time_json(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def money_json(money: Money | None) -> JsonValue:
    """A recurring price has the member `interval`; so has an expected one whose caller says that it is paid once."""
    if money is None:
        return None
    named: dict[str, JsonValue] = {"amount": str(money.amount), "currency": money.currency}
    says_once = isinstance(money, ExpectedPrice) and not money.any_interval
    if isinstance(money, Price) and (says_once or money.interval is not None):
        named["interval"] = money.interval
    return named
