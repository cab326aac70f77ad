"""What the pages for order services show is true: documents fit their schemas, and the fold gives what GET answers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from domain.basket.decision import CheckoutConfig
from domain.basket.events import BasketEvent
from domain.ports.event_store import StoredEvent
from domain.validation.stream_fold import StreamFold
from tests.builders import InMemoryCheckout
from tests.page_blocks import files_of, read_blocks
from tests.played_basket import play_basket
from tests.random_baskets import CATALOGUE, RandomLife

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "events").glob("*.md"))
SCHEMAS = ROOT / "docs" / "schemas"

Json = dict[str, Any]

pages = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@pages
def test_every_code_block_is_run_or_says_why_not(page: Path) -> None:
    blocks = [block for block in read_blocks(page) if block.language != "json"]
    assert [block.text for block in blocks if not (block.is_run or block.mark.startswith("not run: "))] == []


@pages
def test_every_json_document_fits_the_schema_that_its_mark_names(page: Path) -> None:
    for block in read_blocks(page):
        if block.language == "json":
            word, name = block.mark.split(" ")
            assert word == "schema"
            schema = json.loads((SCHEMAS / f"{name}.json").read_bytes())
            jsonschema.Draft202012Validator(schema).validate(json.loads(block.text))


class PageFold:
    """The fold of the page, by itself."""

    def __init__(self) -> None:
        self._names: Json = {}
        files = files_of(ROOT / "docs" / "events" / "rebuild.md")
        for name in ("fold.py", "sums.py"):
            exec(files[name], self._names)

    def order(self, events: list[Json]) -> Json:
        folded: Json = self._names["add_sums"](self._names["fold"](events))
        return folded


def assert_folds_to_what_get_answers(events: list[StoredEvent]) -> None:
    """At every version of the basket."""
    page, service = PageFold(), StreamFold(events[0].stream_id)
    for count, event in enumerate(events, start=1):
        service.advance([event])
        state = service.state()
        assert isinstance(state, bytes)
        expected = json.loads(state)["order"]
        folded = page.order([json.loads(each.data) for each in events[:count]])
        for order in (expected, folded):
            order["totals"].sort(key=lambda total: (total["interval"] or "", total["currency"]))
        assert folded == expected


async def test_the_fold_of_the_page_gives_what_get_answers_after_every_type_of_event() -> None:
    played = await play_basket()
    events = [*await played.checkout.store.read_events(played.id)]
    types = {json.loads(event.data)["type"] for event in events}
    assert types == {event.model_fields["type"].default for event in get_args(BasketEvent)}
    assert_folds_to_what_get_answers(events)


@pytest.mark.parametrize("seed", range(20))
async def test_the_fold_of_the_page_gives_what_get_answers_for_any_basket(seed: int) -> None:
    """Also for one that expires by activity, and for events of a type that the page does not know."""
    checkout = InMemoryCheckout(policy=CheckoutConfig(expiry_from="last_change" if seed % 2 else "creation"))
    await checkout.record(*CATALOGUE)
    life = RandomLife(checkout.handlers, checkout.store, checkout.clock, random.Random(seed))
    assert_folds_to_what_get_answers([*await checkout.store.read_events(await life.live(25))])
