"""One run of `checkout validate --what-if`: from the file to what is said of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import runner
from cli.catalogue.fact_file import BadLine, FactFileChecker, read_lines
from cli.output import STDOUT, Output, TableColumn, progress_bars
from cli.validate.what_if_run import WhatIfOptions, WhatIfOutcome, what_if
from domain.catalogue.facts import Fact
from domain.shared.errors import CheckoutError

BASKETS_SHOWN = 20
REASONS_SHOWN = 100


class BadLines(CheckoutError):
    """Lines of the file say no fact; in words which and why."""


@dataclass(frozen=True, slots=True)
class WhatIfArguments:
    """What the command line says."""

    path: Path
    partner: str | None
    resume: Path | None


def read_facts(path: Path, ignored: Collection[str]) -> list[Fact]:
    """Every fact of the file, each line as strictly checked as by `checkout catalogue load`; raises BadLines."""
    checker, facts, refused = FactFileChecker(ignored), list[Fact](), list[str]()
    for line in read_lines(path):
        try:
            fact = checker.check(line)
        except BadLine as reason:
            refused.append(f"line {line.number}: {reason}")
        else:
            facts += [] if fact is None else [fact]
    if refused:
        more = len(refused) - REASONS_SHOWN
        shown = [*refused[:REASONS_SHOWN], *([f"and {more:,} lines more"] if more > 0 else [])]
        raise BadLines("\n".join(["there are bad lines:", *shown]))
    return facts


def run(options: WhatIfArguments) -> WhatIfOutcome:
    """Shows how far it is; raises what `what_if` raises, and BadLines."""
    facts = read_facts(options.path, runner.load_settings().catalogue_ignored_members)
    asked = WhatIfOptions(facts, options.partner, options.resume)
    with progress_bars() as moved:
        return runner.run_async(what_if(asked, lambda done, total: moved("judging", done, total)))


def document(answer: WhatIfOutcome) -> dict[str, Any]:
    """All that is known of it."""
    state = answer.state
    return {
        "complete": answer.complete,
        "openBaskets": answer.open,
        "touched": answer.touched,
        "judged": state.judged,
        "staysReady": state.stays_ready,
        "wasNotReady": state.was_not_ready,
        "becomesNotReady": len(state.becomes_not_ready),
        "byCode": state.by_code(),
        "baskets": [each.model_dump(mode="json") for each in state.becomes_not_ready],
        "unreadable": state.unreadable,
        "factsWithoutEffect": answer.without_effect,
        "cataloguePosition": state.position,
        "judgedAsOf": state.at.isoformat(),
        "seconds": round(answer.seconds, 3),
    }


def show(answer: WhatIfOutcome, resume: Path | None, out: Output = STDOUT) -> None:
    """The same for people: counts, codes, and the first of the baskets."""
    state = answer.state
    not_ready = len(state.becomes_not_ready)
    out.say(
        f"Of {answer.open:,} open baskets the facts touch {answer.touched:,}; "
        f"{state.judged:,} of these were judged in {answer.seconds:.1f} s. "
        f"{not_ready:,} would become not ready, {state.stays_ready:,} stay ready, "
        f"{state.was_not_ready:,} are not ready anyway."
    )
    if answer.without_effect:
        out.say(f"{answer.without_effect:,} facts change nothing: as new a one is known already.")
    if not_ready:
        codes = [[code, f"{count:,}"] for code, count in state.by_code().items()]
        out.table(("code", TableColumn("baskets", right=True)), codes)
        for each in state.becomes_not_ready[:BASKETS_SHOWN]:
            out.say(f"  {each.basket} of {each.partner}: {', '.join(each.codes)}")
        if not_ready > BASKETS_SHOWN:
            out.say(f"  and {not_ready - BASKETS_SHOWN:,} more; --json names all")
    if state.unreadable:
        out.say(f"{len(state.unreadable):,} baskets cannot be read: {' '.join(state.unreadable[:5])} …")
    if not answer.complete:
        out.say("It was interrupted. " + _how_to_go_on(resume))


def _how_to_go_on(resume: Path | None) -> str:
    if resume is None:
        return "Name a file with --resume, and it can go on where it was interrupted."
    return f"Go on with the same command: {resume} knows how far it came."
