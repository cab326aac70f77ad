"""Output of commands is never cut, never incomplete without a note, and never controls the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.text import Text

from cli import output
from cli.dead_letters import screen as dead_letters
from cli.find import print_page
from cli.output import Output, TableColumn
from cli.show import print_basket
from cli.verify import screen as verifying
from cli.verify.checkpoint import VerifyCheckpoint
from cli.verify.outcome import VerifyOptions, VerifyOutcome
from domain.operators.dead_letters.model import DeadLetterPage, DeadLetterSummary
from domain.operators.history.search import BasketSummary, SearchPage
from domain.operators.verify.inconsistencies import Inconsistency
from tests.domain.shared.test_printable import HOSTILE, misleads

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BASKET = f"basket-{'a' * 36}"
ORGANISATION = "o" * 200
AMOUNT = "123456789012345678901234567890.12"
LINE_ID = "00000000-0000-7000-8000-000000000002"
WIDTHS = [40, 80, 100, 200, None]
"""Widths of terminals; None: a pipe."""


def found(out: Output) -> None:
    basket = BasketSummary(
        basket_id=BASKET,
        version=3,
        partner=ORGANISATION[:128],
        external_id="E" * 128,
        status="open",
        ready=False,
        finding_codes=("price_changed", "product_blocked"),
        created=NOON,
        modified=NOON,
        expires_at=NOON,
    )
    page = SearchPage(baskets=(basket,) * 2, next_cursor="c" * 90)
    print_page(page, headed=True, last=True, out=out)


def shown(out: Output) -> None:
    money = {"amount": AMOUNT, "currency": "GBP"}
    line = {
        "id": LINE_ID,
        "type": "add_on",
        "quantity": 9999,
        "offer": {"id": "o" * 128, "version": "v" * 128, "name": "n" * 200, "products": []},
        "price": money,
        "lineTotal": money,
        "expectedPrice": {"amount": "9" * 30, "currency": "EUR"},
    }
    document = {
        "id": BASKET,
        "version": 4,
        "status": "open",
        "orderId": None,
        "cancelReason": None,
        "partner": ORGANISATION,
        "market": {"country": None, "source": None},
        **dict.fromkeys(("external_id", "country", "currency", "source", "order_type")),
        **dict.fromkeys(("created", "modified", "expiresAt"), NOON.isoformat()),
        "tracking": {},
        **{key: {} for key in ("customFields", "customerDetails", "billingDetails", "deliveryDetails")},
        "orderItems": [line],
        "totals": [{**money, "interval": None}],
        "total": money,
        "payable": money,
        "lastVerdict": None,
    }
    print_basket(document, out)


def listed(out: Output) -> None:
    letter = DeadLetterSummary.model_validate(
        {
            "id": 12345,
            "kind": "basket-event",
            "topic": "checkout.basket-events.v1",
            "partition": 3,
            "offset": 99,
            "code": "unreadable",
            "error": "e" * 300,
            "basketId": BASKET,
            "parks": True,
            "recordedAt": NOON,
            "tries": 2,
            "triedAt": NOON,
            "lastError": "f" * 300,
            "settledAt": None,
            "settledBy": None,
        }
    )
    dead_letters.show_page(DeadLetterPage(letters=(letter,), next_cursor=None), out)


def verified(out: Output) -> None:
    state = VerifyCheckpoint(asked="all")
    state.add_inconsistencies([Inconsistency(kind="view_differs", subject=BASKET, version=3, words="w" * 150)])
    verifying.show(VerifyOptions(), VerifyOutcome(state, None, complete=True, seconds=1.0), out)


WHOLE: list[tuple[Callable[[Output], None], list[str]]] = [
    (
        found,
        [
            BASKET,
            ORGANISATION[:128],
            "E" * 128,
            "not ready: price_changed, product_blocked",
            "2026-11-24 12:00Z",
        ],
    ),
    (shown, [BASKET, ORGANISATION, f"{AMOUNT} GBP", f"{'9' * 30} EUR", LINE_ID, "n" * 200, "9999"]),
    (listed, ["12345", BASKET, "checkout.basket-events.v1", "unreadable", "f" * 300]),
    (verified, [BASKET, "view_differs", "w" * 150]),
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("screen", "whole"), WHOLE, ids=[screen.__name__ for screen, _ in WHOLE])
def test_ids_and_amounts_are_never_cut(screen: Callable[[Output], None], whole: list[str], width: int | None) -> None:
    paper = StringIO()
    screen(Output(paper, width=width))
    text = paper.getvalue()
    missing = [value for value in whole if value not in text]
    # A time may be left out by choice, and then it is said.
    assert [value for value in missing if not value.startswith("2026")] == []
    if missing:
        assert "left out: " in text
        assert "--wide shows all" in text


@pytest.mark.parametrize("width", [40, 80, 100])
def test_wide_shows_all_columns_in_one_line_each(width: int) -> None:
    paper = StringIO()
    found(Output(paper, width=width, wide=True))
    head, first, _, more = paper.getvalue().splitlines()
    assert head.split() == [
        "basket",
        "organisation",
        "external",
        "id",
        "status",
        "verdict",
        "created",
        "modified",
    ]
    assert BASKET in first
    assert "2026-11-24 12:00Z" in first
    assert more == f"more: --cursor {'c' * 90}"


def test_in_a_pipe_a_table_is_complete_and_tab_separated_with_a_header(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paper = StringIO()
    found(Output(paper))
    head, *rows = [line.split("\t") for line in paper.getvalue().splitlines()]
    assert head == ["basket", "organisation", "external id", "status", "verdict", "created", "modified"]
    assert [len(row) for row in rows] == [7, 7]
    # How to go on is no row.
    assert f"more: --cursor {'c' * 90}" in capsys.readouterr().err


def test_a_cell_cannot_make_a_row_or_a_column() -> None:
    paper = StringIO()
    Output(paper).table(("a", "b"), [["1\n2", "3\t4"]])
    assert paper.getvalue() == "a\tb\n1\\n2\t3\\t4\n"


COLUMNS = (
    "id",
    TableColumn("many", right=True),
    TableColumn("first", optional=True),
    TableColumn("second", optional=True),
)


def drawn(width: int, *rows: list[str]) -> list[str]:
    paper = StringIO()
    Output(paper, width=width).table(COLUMNS, rows)
    return paper.getvalue().splitlines()


def test_optional_columns_are_left_out_last_first_and_named() -> None:
    row = ["x" * 10, "5", "y" * 10, "z" * 10]
    assert drawn(40, row) == [
        "id          many  first       second",
        f"{'x' * 10}     5  {'y' * 10}  {'z' * 10}",
    ]
    assert drawn(35, row) == [
        "id          many  first",
        f"{'x' * 10}     5  {'y' * 10}",
        "left out: second; --wide shows all",
    ]
    assert drawn(20, row)[-1] == "left out: first, second; --wide shows all"


def test_rows_without_room_become_records_with_all_names() -> None:
    assert drawn(30, ["x" * 40, "5", "y" * 10, "z" * 10], ["short", "", "", ""]) == [
        f"id: {'x' * 40}",
        "  many: 5  first: yyyyyyyyyy",
        "  second: zzzzzzzzzz",
        "id: short",
    ]


def test_columns_with_wide_characters_are_aligned() -> None:
    assert drawn(60, ["日本語", "5", "", ""], ["abcdef", "10", "", ""])[1:] == [
        "日本語     5",
        "abcdef    10",
    ]


@pytest.mark.parametrize("width", [200, None])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_text_by_others_never_controls_the_terminal(text: str, width: int | None) -> None:
    paper = StringIO()
    out = Output(paper, width=width)
    out.say(text, (text, "red"))
    out.note(text)
    out.table(("a", "b"), [[text, text]])
    assert not any(misleads(character) for character in paper.getvalue().replace("\n", "").replace("\t", ""))
    # The sentence, the names and the cells; and the note, which a pipe does not get.
    assert len(paper.getvalue().splitlines()) == (3 if width is None else 4)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_errors_and_json_never_control_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.echo_error(text)
    output.echo_json({"said": text})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"said": text}
    assert not any(misleads(character) for character in (out + err).replace("\n", ""))


def test_no_line_of_an_error_looks_like_another_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.echo_error("there are bad lines:\ncheckout: all is well")
    assert capsys.readouterr().err == "checkout: there are bad lines:\n  checkout: all is well\n"


def test_text_in_brackets_is_no_style() -> None:
    paper = StringIO()
    Output(paper, width=80).say("[red]not red[/red] :smile:")
    assert paper.getvalue() == "[red]not red[/red] :smile:\n"
    picture = output.BufferedOutput()
    picture.say("[bold]x")
    assert [isinstance(line, Text) and line.plain for line in picture.lines] == ["[bold]x"]
