"""One dead letter whole, to be retried or left out."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from pydantic_core import from_json

from domain.operating.actions import Operator
from domain.operating.dead_letters import Content, Letter, ShownLetter
from operations.console.look.asking import Came, Question, ask
from operations.console.look.frame import Heading, frame
from operations.console.look.places import Place
from operations.console.look.telling import counted, exactly, moment
from operations.console.look.things import badge, box, button, code, facts, link, nothing, panel, told, words
from operations.console.pages.letters import KINDS, SETTLED, tone_of
from operations.console.visit import Console, Visit


def register(console: Console) -> None:
    @ui.page("/dead-letters/{letter_id}")
    def letter(letter_id: int) -> None:
        visit = console.visit()
        trail = ("Dead letters", "/dead-letters")
        with frame(visit, f"Dead letter {letter_id}", "/dead-letters", trail=trail) as heading:
            _Page(visit, letter_id, heading)


class _Page:
    def __init__(self, visit: Visit, id: int, heading: Heading) -> None:
        self._visit = visit
        self._letters = visit.parts.dead_letter_box
        self._id = id
        self._heading = heading
        self._place = Place(partial(self._letters.show, id), self._draw, lines=9)

    def _draw(self, shown: ShownLetter) -> None:
        letter = shown.letter
        self._heading.deeds.clear()
        if letter.settled_at is None:
            with self._heading.deeds:
                button("Skip …", partial(self._skip, shown), symbol="redo")
                button("Retry …", partial(self._retry, shown), kind="main-deed", symbol="replay")
        with box("stack"):
            _draw_standing(shown)
            with box("pair"):
                with panel("Why it was buried", marker="why"), box("body"):
                    _draw_why(letter)
                with panel("What can be done", marker="plan"), box("body"):
                    facts([("A retry", shown.retry), ("A skip", shown.skip)])
            with panel("Message", "as it came", marker="message"), box("body stack"):
                _draw_message(shown)

    def _retry(self, shown: ShownLetter) -> None:
        question = Question(f"Retry letter {self._id}", f"What will be done: {shown.retry}.", "Retry")
        ask(self._visit, question, self._do_retry, self._place.refresh)

    def _skip(self, shown: ShownLetter) -> None:
        what = f"What will be done: {shown.skip}."
        question = Question(f"Skip letter {self._id}", what, "Skip", danger=True)
        ask(self._visit, question, self._do_skip, self._place.refresh)

    async def _do_retry(self, operator: Operator) -> Came:
        outcome = await self._letters.retry(self._id, operator)
        return Came(outcome.words, tone_of(outcome))

    async def _do_skip(self, operator: Operator) -> Came:
        outcome = await self._letters.skip(self._id, operator)
        return Came(outcome.words, tone_of(outcome))


def _draw_standing(shown: ShownLetter) -> None:
    letter = shown.letter
    if letter.settled_by is not None:
        said, tone = SETTLED[letter.settled_by]
        told(f"Settled: {said} at {moment(letter.settled_at)} UTC.", tone, "mark_email_read")
    elif shown.waits_for is not None:
        with told("An earlier letter of the same basket comes first.", "warn", "low_priority"):
            link(f"Letter {shown.waits_for}", f"/dead-letters/{shown.waits_for}")
    elif letter.parks:
        told("The basket's view waits for this letter to be settled.", "bad", "pause_circle")
    else:
        told("It waits for somebody to retry or skip it.", "warn", "mark_email_unread")


def _draw_why(letter: Letter) -> None:
    facts(
        [
            ("Kind", KINDS[letter.kind]),
            ("Code", partial(words, letter.code, "mono")),
            ("In words", letter.error),
            (
                "Basket",
                partial(link, letter.basket_id, f"/baskets/{letter.basket_id}", "mono")
                if letter.basket_id
                else None,
            ),
            (
                "Buried",
                partial(words, f"{moment(letter.recorded_at)} UTC", title=exactly(letter.recorded_at)),
            ),
            (
                "Tried",
                f"{counted(letter.tries, 'time')}, last {moment(letter.tried_at)} UTC"
                if letter.tries
                else "never",
            ),
            ("Last error", partial(words, letter.last_error, "bad-ink") if letter.last_error else None),
        ]
    )


def _draw_message(shown: ShownLetter) -> None:
    letter = shown.letter
    facts(
        [
            ("Topic", partial(words, letter.topic, "mono")),
            ("Partition", letter.partition),
            ("Offset", letter.offset),
            ("Key", partial(_draw_content, shown.key)),
        ]
    )
    if shown.headers:
        words("Headers", "soft small", tag="div")
        facts([(header.name, partial(_draw_content, header.value)) for header in shown.headers])
    words("Value", "soft small", tag="div")
    if shown.value is None:
        nothing("hourglass_empty", "It had no value")
    else:
        code(_pretty(shown.value))


def _draw_content(content: Content | None) -> None:
    if content is None:
        words("none", "soft")
        return
    with box("line"):
        words(content.text, "mono")
        if content.encoding == "base64":
            badge("base 64")


def _pretty(content: Content) -> object:
    """JSON indented; everything else as it is."""
    if content.encoding == "base64":
        return content.text
    try:
        return from_json(content.text)
    except ValueError:
        return content.text
