"""Messages that anybody may have written, where keys are looked up for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import pytest

from adapters.encryption.keys import MasterKeys
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.encryption.stores import decrypt_published
from adapters.system import new_id
from domain.ports.data_keys import DataKey
from tests.adapters.encryption.encrypted_store import a_master_key
from tests.builders import basket_id
from tests.fakes.data_keys import InMemoryDataKeys


class AskedKeys(InMemoryDataKeys):
    """Notes which keys are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def find(self, key_ids: Collection[str]) -> Mapping[str, DataKey]:
        self.asked += key_ids
        return {}


@pytest.mark.parametrize("named", ["basket-x", "a\x00", "../x", "", None, 7], ids=ascii)
async def test_a_message_that_names_no_basket_asks_for_no_key(named: object) -> None:
    keys, key_id = AskedKeys(), new_id()
    cipher = PersonalDataCipher(keys, MasterKeys([a_master_key()]), new_id)

    def published(basket: object) -> bytes:
        order = {"tracking": {"$sealed": "c2VjcmV0", "key": key_id}}
        return json.dumps({"basketId": basket, "order": order}, separators=(",", ":")).encode()

    assert await decrypt_published(cipher, [published(named), None]) == [published(named), None]
    assert keys.asked == []
    await decrypt_published(cipher, [published(basket_id())])
    assert keys.asked == [key_id]
