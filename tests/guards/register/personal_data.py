"""Personal data: encrypted where it lies, and gone once it is erased."""

from __future__ import annotations

from tests.guards.guard import Guard

_STORES = "tests/adapters/encryption/test_stores.py::"
_ERASURE = "tests/adapters/postgres/test_erasure.py::"

PERSONAL_DATA = (
    Guard(
        "data-encrypted",
        "whoever reads the database or a backup reads persons' data",
        "adapters/encryption/personal_data.py",
        "details[field] = seal(value, cipher, key.id, key.basket_id, field)",
        "details[field] = value",
        (f"{_STORES}test_the_store_holds_encrypted_data_and_readers_get_plain_data",),
    ),
    Guard(
        "data-bound-to-its-basket",
        "an encrypted value copied into an attacker's own basket is shown to them",
        "adapters/encryption/envelope.py",
        'return [b"personal data", basket_id.encode(), field.encode()]',
        'return [b"personal data"]',
        ("tests/adapters/encryption/test_envelope.py::test_a_value_moved_elsewhere_does_not_decrypt",),
    ),
    Guard(
        "data-keys-wrapped",
        "a row of keys moved to another basket opens that basket's data",
        "adapters/encryption/keys.py",
        'return [b"data key", key_id.encode(), basket_id.encode()]',
        'return [b"data key"]',
        ("tests/adapters/encryption/test_keys.py::test_a_wrapped_key_unwraps_for_its_own_row_only",),
    ),
    Guard(
        "master-key-file",
        "nobody is told that other users of the machine read the master keys",
        "adapters/encryption/keys.py",
        "        if mode & FORBIDDEN_MODE:\n",
        "        if False:\n",
        ("tests/adapters/encryption/test_keys.py::test_a_file_that_others_may_use_is_told",),
    ),
    Guard(
        "data-erased-plain",
        "data from before encryption shows after its person was erased",
        "adapters/encryption/personal_data.py",
        "                details[field] = EMPTY_FIELDS[field]\n    return document if decrypted",
        "                pass\n    return document if decrypted",
        (f"{_STORES}test_unencrypted_data_is_readable_until_it_is_erased",),
    ),
    Guard(
        "data-callers-seal",
        "a caller's value that looks encrypted is never erased",
        "adapters/encryption/envelope.py",
        "return _form(value, plain, NO_KEY) if MARK.encode() in plain else value",
        "return value",
        (f"{_STORES}test_a_callers_value_in_the_sealed_form_is_kept_and_erased_like_any_other",),
    ),
    Guard(
        "erasure-of-answers",
        "a stored answer repeats an erased person's data for a day",
        "adapters/postgres/erasure.py",
        "            responses = await _empty_responses(connection, ids)\n",
        "            responses = 0\n",
        (f"{_ERASURE}test_after_an_erasure_no_table_holds_the_personal_data",),
        database=True,
    ),
    Guard(
        "erasure-of-dead-letters",
        "a dead letter keeps an erased person's data",
        "adapters/postgres/erasure.py",
        "            emptied = await empty_letters(connection, letters, ids)\n",
        "            emptied = 0\n",
        (f"{_ERASURE}test_a_dead_letter_keeps_nothing_but_the_basket_id",),
        database=True,
    ),
    Guard(
        "erasure-of-keys",
        "an erasure leaves the keys, and so the data in every backup of files",
        "adapters/postgres/erasure.py",
        "action_id = $2\n WHERE basket_id = ANY($1::text[]) AND wrapped IS NOT NULL\n",
        "action_id = $2\n WHERE basket_id = ANY($1::text[]) AND false\n",
        (f"{_ERASURE}test_after_an_erasure_no_reader_shows_the_personal_data",),
        database=True,
    ),
    Guard(
        "erasure-by-organisation",
        "one organisation's id of a person erases another's baskets",
        "adapters/postgres/erasure.py",
        "AND ($2::text IS NULL OR held.partner = $2)",
        "AND ($2::text IS NULL OR true)",
        (f"{_ERASURE}test_the_same_id_at_two_organisations_means_two_persons",),
        database=True,
    ),
    Guard(
        "erased-keys-stay-erased",
        "a destroyed key is written back from a backup",
        "adapters/postgres/migrations/functions/refuse_change_of_destroyed_data_keys.sql",
        "    RAISE EXCEPTION '% on a data key that is destroyed is refused', TG_OP\n"
        "        USING ERRCODE = 'insufficient_privilege', HINT = 'What was forgotten stays so.';\n",
        "    RETURN coalesce(NEW, OLD);\n",
        ("tests/adapters/postgres/test_data_keys.py::test_a_destroyed_key_stays_destroyed",),
        database=True,
    ),
)
