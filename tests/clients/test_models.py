"""The kit's models are what the published schemas say, and read what the service writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from checkout_client.models import EVENT_TYPES, UnknownEvent, parse_event
from checkout_client.models.commands import DetailsRequest, RemoveAction, UpdateBasket, UpdateDetailsAction
from checkout_client.models.events import BasketReopened, BasketValidated, OrderItemAdded
from cli.schemas.client_models import stale
from domain.basket.events import BasketEvent

STORED = sorted((Path(__file__).parents[1] / "domain" / "stored_events").glob("*.json"))


def test_the_generated_files_are_what_the_schemas_say() -> None:
    assert stale() == [], "run `make models`"


def test_a_changed_schema_makes_its_models_stale(tmp_path: Path) -> None:
    assert stale(folder=tmp_path) == ["events.py", "answers.py", "commands.py", "catalogue.py"]


def test_every_event_type_has_a_class() -> None:
    assert EVENT_TYPES.keys() == {event.model_fields["type"].default for event in BasketEvent.__args__}


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_event_is_read_and_written_again_unchanged(path: Path) -> None:
    stored = json.loads(path.read_bytes())
    event = parse_event(stored["type"], path.read_bytes())
    assert type(event) is EVENT_TYPES[stored["type"]]
    assert event.to_wire() == stored


def test_amounts_are_decimals_and_times_know_their_zone() -> None:
    path = next(path for path in STORED if path.stem == "order-item-added")
    event = parse_event("checkout.order-item-added.v1", path.read_bytes())
    assert isinstance(event, OrderItemAdded)
    assert event.order_item.price is not None
    assert event.order_item.price.amount == Decimal(json.loads(path.read_bytes())["orderItem"]["price"]["amount"])
    assert event.occurred_at.tzinfo is not None


def test_an_unknown_type_is_an_unknown_event_with_its_members() -> None:
    value = {"type": "checkout.basket-painted.v1", "basketId": "b", "version": 2, "occurredAt": "2026-11-23T12:00:00Z"}
    event = parse_event("checkout.basket-painted.v1", json.dumps({**value, "colour": "red"}).encode())
    assert isinstance(event, UnknownEvent)
    assert event.occurred_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert event.model_extra == {"colour": "red"}


def test_an_unknown_member_is_kept() -> None:
    path = next(path for path in STORED if path.stem == "basket-reopened")
    event = parse_event("checkout.basket-reopened.v1", json.dumps({**json.loads(path.read_bytes()), "new": 1}).encode())
    assert isinstance(event, BasketReopened)
    assert event.model_extra == {"new": 1}


def test_a_new_word_and_a_new_kind_of_action_are_read() -> None:
    path = next(path for path in STORED if path.stem == "basket-validated-with-a-remedy")
    stored = json.loads(path.read_bytes())
    stored["validationErrors"] = [{"code": "x", "severity": "hint", "resolution": "wait", "message": "", "path": "$"}]
    painted = {"orderItemActionType": "paint", "id": "i-1"}
    stored["remedy"]["orderItemActions"].append(painted)
    event = parse_event("checkout.basket-validated.v1", json.dumps(stored).encode())
    assert isinstance(event, BasketValidated)
    assert event.validation_errors[0].severity == "hint"
    assert event.remedy is not None
    assert not isinstance(event.remedy.order_item_actions[0], dict)
    assert event.remedy.order_item_actions[-1] == painted


def test_a_command_says_what_was_set_and_nothing_else() -> None:
    details = UpdateDetailsAction(order=DetailsRequest(external_id=None, country="GB"))
    command = UpdateBasket(order_item_actions=[RemoveAction(id="i-1"), details])
    assert command.to_wire() == {
        "orderItemActions": [
            {"orderItemActionType": "remove", "id": "i-1"},
            {"orderItemActionType": "update_details", "order": {"external_id": None, "country": "GB"}},
        ]
    }
