"""The page of settings."""

from __future__ import annotations

from pathlib import Path

from cli.settings import markdown, rows

PAGE = Path(__file__).parent.parent.parent / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_every_setting_has_a_meaning() -> None:
    assert [row["variable"] for row in rows() if not row["meaning"]] == []
