"""One run of `checkout catalogue load`, step by step, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.settings import MissingSetting, Settings
from cli.catalogue.fact_file import CheckedFile, check_file, line_ranges
from cli.catalogue.load_steps import NotRecorded, facts_of, publish, wait_until_recorded
from cli.catalogue.screen import LoadScreen
from cli.runner import load_settings, run_async
from cli.signals import Interrupted
from domain.shared.errors import Unavailable

REASONS_SHOWN = 100
INTERRUPTED = "interrupted"
BAD_LINES = "there are bad lines"
EXIT_CODE_OF_AN_INTERRUPTION = 130


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What is asked for."""

    path: Path
    skip_bad: bool
    from_line: int
    wait: bool


@dataclass(slots=True)
class LoadOutcome:
    """What became of it. `published` counts what is certainly in Kafka; `continue_from_line` is where
    another run must begin, None where nothing is left to publish."""

    lines: int = 0
    published: int = 0
    refused: int = 0
    left_out: str = ""
    continue_from_line: int | None = None
    learned: int | None = None
    error: str | None = None

    @property
    def exit_code(self) -> int:
        if self.error == INTERRUPTED:
            return EXIT_CODE_OF_AN_INTERRUPTION
        return 0 if self.error is None else 1

    def as_document(self) -> dict[str, Any]:
        return {
            "published": self.published,
            "refused": self.refused,
            "lines": self.lines,
            "leftOut": self.left_out,
            "continueFromLine": self.continue_from_line,
            "learned": self.learned,
            "error": self.error,
        }


def run_load(load: LoadOptions, screen: LoadScreen | None = None) -> LoadOutcome:
    """Checks, publishes, waits; says on the screen what happened. Never raises for what a file or a
    server is like."""
    one = _Run(load, load_settings(), screen or LoadScreen())
    try:
        one.go()
    except (KeyboardInterrupt, Interrupted):
        one.fail(INTERRUPTED)
    except (MissingSetting, Unavailable, NotRecorded, ValueError) as error:
        one.fail(str(error))
    one.conclude()
    return one.outcome


class _Run:
    def __init__(self, load: LoadOptions, settings: Settings, screen: LoadScreen) -> None:
        self.outcome = LoadOutcome(continue_from_line=load.from_line)
        self._load = load
        self._settings = settings
        self._ignored = settings.catalogue_ignored_members
        self._screen = screen

    def go(self) -> None:
        checked = self._check()
        if checked.refused and not self._load.skip_bad:
            return self.fail(BAD_LINES)
        self._publish(checked)
        if self._load.wait and self.outcome.error is None:
            self._wait(checked)
        return None

    def fail(self, error: str) -> None:
        self.outcome.error = error

    def conclude(self) -> None:
        """Says in a sentence or two how it ended."""
        outcome, say = self.outcome, self._screen.say
        if outcome.refused:
            say(f"{_counted(outcome.refused, 'line')} of {outcome.lines} refused: {outcome.left_out}")
        if outcome.error == BAD_LINES:
            say("Correct them, or publish the others with --skip-bad.")
        elif outcome.error is not None:
            say(f"It did not end as it should: {outcome.error}.")
        published = _counted(outcome.published, "fact")
        if outcome.continue_from_line is None:
            say(f"Published {published}{', all that is not refused' if outcome.refused else ''}.")
        elif outcome.published:
            say(
                f"{published} certainly published. Go on with the same file and "
                f"--from-line {outcome.continue_from_line}; what comes twice does no harm."
            )
        else:
            say("Nothing was published.")
        if outcome.learned is not None:
            say(f"The catalogue has learned {_counted(outcome.learned, 'fact')} of it.")

    def _check(self) -> CheckedFile:
        path, outcome = self._load.path, self.outcome
        with self._screen.bar("checking", path.stat().st_size) as bar:
            checked = check_file(path, self._load.from_line, lambda line: bar(line.end), self._ignored)
        outcome.lines, outcome.refused = checked.lines, len(checked.refused)
        outcome.left_out = line_ranges(checked.refused)
        for number in sorted(checked.refused)[:REASONS_SHOWN]:
            self._screen.say(f"line {number}: {checked.refused[number]}")
        if outcome.refused > REASONS_SHOWN:
            self._screen.say(f"and {_counted(outcome.refused - REASONS_SHOWN, 'line')} more")
        return checked

    def _publish(self, checked: CheckedFile) -> None:
        load = self._load
        with self._screen.bar("publishing", checked.facts) as bar:
            published = run_async(
                publish(
                    self._settings,
                    lambda line: facts_of(load.path, line, checked.refused, self._ignored),
                    load.from_line,
                    bar,
                )
            )
        self.outcome.published = published.count
        self.outcome.continue_from_line = published.stopped_at
        self.outcome.error = published.why

    def _wait(self, checked: CheckedFile) -> None:
        facts = facts_of(self._load.path, self._load.from_line, checked.refused, self._ignored)
        with self._screen.bar("learning", checked.facts) as bar:
            try:
                self.outcome.learned = run_async(wait_until_recorded(self._settings, facts, bar))
            except NotRecorded as error:
                self.outcome.learned = error.learned
                raise


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
