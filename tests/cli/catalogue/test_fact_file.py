from __future__ import annotations

from pathlib import Path

import pytest

from cli.catalogue.fact_file import MAX_LINE_BYTES, CheckedFile, check_file, line_ranges
from domain.catalogue.facts import Fact
from tests.builders import availability, offer, policy, price


def written(folder: Path, *lines: str | bytes | Fact) -> Path:
    """A file of these lines."""
    path = folder / "catalogue.jsonl"
    with path.open("wb") as file:
        for line in lines:
            match line:
                case str():
                    file.write(line.encode())
                case bytes():
                    file.write(line)
                case _:
                    file.write(line.model_dump_json().encode())
            file.write(b"\n")
    return path


def test_facts_are_counted_and_empty_lines_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path, offer(), "", price(), "   ", availability())

    assert check_file(path) == CheckedFile(lines=5, facts=3, refused={})


def test_only_facts_from_the_first_line_to_publish_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, offer(), "no fact", price(), availability())

    checked = check_file(path, from_line=3)

    assert (checked.lines, checked.facts, [*checked.refused]) == (4, 2, [2])


def test_the_sample_of_the_repository_is_all_good() -> None:
    sample = Path(__file__).parents[3] / "cli" / "demo" / "sample" / "catalogue.jsonl"

    checked = check_file(sample)

    assert checked.refused == {}
    assert checked.facts > 100


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        (b"\xff\xfe{}", "Invalid JSON"),
        ('{"sequence": 1}', "kind"),
        ('{"kind": "coupon", "sequence": 1}', "kind"),
        (price().model_dump_json().replace('"sequence":1', '"sequence":"1"'), "sequence"),
        (price().model_dump_json().replace('"10.00"', "10.0"), "amount"),
        (price().model_dump_json().replace('"10.00"', '"1e3"'), "amount"),
        (price().model_dump_json().replace('"amount"', '"ammount"'), "ammount"),
        (price().model_dump_json().replace('"validFrom":null', '"validFrom":"2026-01-01T00:00:00"'), "RFC 3339"),
        (offer(products=[]).model_dump_json().replace('"products":[]', '"products":[{"code":"x"}]'), "/products/0/code"),
        (policy(checks={"price_changed": "off"}).model_dump_json().replace("changed", "chnaged"), "price_chnaged"),
        (policy(low_stock=3).model_dump_json().replace("lowStock", "lowStok"), "lowStok"),
        ('{"kind": "offer", "id": "' + "x" * MAX_LINE_BYTES, "longer than"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_number_and_a_reason(tmp_path: Path, line: str | bytes, reason: str) -> None:
    path = written(tmp_path, offer(), line, availability())

    checked = check_file(path)

    assert (checked.lines, checked.facts, [*checked.refused]) == (3, 2, [2])
    assert reason in checked.refused[2]


def test_a_line_that_contradicts_one_before_it_is_refused_and_names_it(tmp_path: Path) -> None:
    path = written(tmp_path, price(amount="1.00"), offer(), price(amount="2.00"), price(amount="1.00"))

    checked = check_file(path)

    assert [*checked.refused] == [3]
    assert "line 1" in checked.refused[3]


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbf" + offer().model_dump_json().encode())

    assert check_file(path).facts == 1


def test_the_last_line_needs_no_line_break(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.jsonl"
    path.write_text(offer().model_dump_json())

    assert check_file(path) == CheckedFile(lines=1, facts=1, refused={})


def test_line_numbers_are_shown_as_ranges() -> None:
    assert line_ranges([9, 3, 7, 8, 12]) == "3, 7-9, 12"
    assert line_ranges([]) == ""
