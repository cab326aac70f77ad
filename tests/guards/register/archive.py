"""The archive's files."""

from __future__ import annotations

from tests.guards.guard import Guard

_ARCHIVE = "tests/adapters/archive/test_archive.py::"

ARCHIVE = (
    Guard(
        "archive-restore",
        "whoever may restore baskets brings forged ones",
        "adapters/postgres/migrations/functions/restore_baskets.sql",
        "AND given.digest IS DISTINCT FROM archived.digest",
        "AND false",
        (f"{_ARCHIVE}test_the_store_takes_back_only_what_was_archived",),
        database=True,
    ),
    Guard(
        "archive-checksum",
        "a file that somebody changed becomes history",
        "adapters/archive_files/folder.py",
        "if len(content) != manifest.bytes or sha256(content).hexdigest() != manifest.sha256:",
        "if False:",
        ("tests/adapters/archive/test_folder.py::test_a_changed_file_is_damaged",),
    ),
    Guard(
        "archive-names",
        "a name leads out of the archive's folder",
        "adapters/archive_files/folder.py",
        "        if not _NAME.fullmatch(name):\n",
        "        if False:\n",
        ("tests/adapters/archive/test_folder.py::test_a_name_never_leads_out_of_the_folder",),
    ),
    Guard(
        "archive-personal-data",
        "persons' data lies readable in files that no erasure reaches",
        "domain/operators/archive/archiver.py",
        "if any(self._holds_personal_data(event.data) for event in stored):",
        "if False:",
        (f"{_ARCHIVE}test_personal_data_that_is_not_encrypted_never_gets_into_a_file",),
        database=True,
    ),
)
