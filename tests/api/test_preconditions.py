"""`If-Match` on initiate, update and validate."""

from __future__ import annotations

import pytest

from tests.api.service import Caller, actions, add, order, problem, wanted

MATCHING = ['"1"', "*", '"7", "1"', '"7","1"', 'W/"1", "1"', ' "1" ']
OTHERS = ['"7"', 'W/"1"', '"01"', '"1.0"', '""', '"abc"', '"7", W/"1"', '"99999999999999999999999"']
GARBAGE = ["", "1", '"1', '1"', "'1'", '"1" "2"', '"1",', "W/", '*, "1"', "w/1", '"1"; x', ',"1"']


@pytest.mark.parametrize("tag", MATCHING)
async def test_a_call_for_the_version_that_is_goes_through(shop: Caller, tag: str) -> None:
    first, second, third = [await shop.begin() for _ in range(3)]
    assert (await shop.update(first, actions(add()), if_match=tag)).status_code == 200
    assert (await shop.validate(second, if_match=tag)).status_code == 200
    assert (await shop.initiate(order(wanted(), checkoutId=third), if_match=tag)).status_code == 200


@pytest.mark.parametrize("tag", OTHERS)
async def test_a_call_for_another_version_is_refused_and_told_the_version_that_is(
    shop: Caller, tag: str
) -> None:
    id = await shop.begin()
    for answer in (
        await shop.update(id, actions(add()), if_match=tag),
        await shop.validate(id, if_match=tag),
        await shop.initiate(order(wanted(), checkoutId=id), if_match=tag),
    ):
        assert problem(answer) == (412, "version_mismatch")
        assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1"')
    assert (await shop.order(id)).headers["etag"] == '"1"'


@pytest.mark.parametrize("tag", GARBAGE)
async def test_what_is_no_list_of_entity_tags_cannot_be_read(shop: Caller, tag: str) -> None:
    id = await shop.begin()
    assert problem(await shop.update(id, actions(add()), if_match=tag)) == (400, "invalid_header")
    assert problem(await shop.validate(id, if_match=tag)) == (400, "invalid_header")
    assert problem(await shop.initiate(order(), if_match=tag)) == (400, "invalid_header")


async def test_the_tag_of_an_answer_holds_for_the_next_call(shop: Caller) -> None:
    id = await shop.begin()
    tag = (await shop.update(id, actions(add()))).headers["etag"]
    tag = (await shop.validate(id, if_match=tag)).headers["etag"]
    assert (await shop.update(id, actions(add()), if_match=tag)).status_code == 200
    assert (await shop.update(id, actions(add()), if_match=tag)).status_code == 412
