"""The result of a what-if, as JSON and for people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from cli.output import STDOUT, Output, TableColumn
from cli.validate.what_if import NotReadyBasket, WhatIfOutcome

BASKETS_SHOWN = 20


def what_if_json(outcome: WhatIfOutcome) -> dict[str, Any]:
    found = outcome.found
    return {
        "complete": outcome.complete,
        "openBaskets": outcome.open,
        "touched": outcome.touched,
        "judged": found.judged,
        "staysReady": found.stays_ready,
        "wasNotReady": found.was_not_ready,
        "becomesNotReady": len(found.becomes_not_ready),
        "byCode": _count_by_code(found.becomes_not_ready),
        "baskets": [each.model_dump(mode="json") for each in found.becomes_not_ready],
        "unreadable": found.unreadable,
        "factsWithoutEffect": outcome.without_effect,
        "cataloguePosition": found.position,
        "judgedAsOf": found.at.isoformat(),
        "seconds": round(outcome.seconds, 3),
    }


def show(outcome: WhatIfOutcome, resume: Path | None, out: Output = STDOUT) -> None:
    """Prints the counts, the codes and the first baskets."""
    found = outcome.found
    not_ready = found.becomes_not_ready
    out.say(
        f"The facts touch {outcome.touched:,} of {outcome.open:,} open baskets; "
        f"{found.judged:,} were validated in {outcome.seconds:.1f} s. "
        f"{len(not_ready):,} would become not ready, {found.stays_ready:,} stay ready, "
        f"{found.was_not_ready:,} are not ready anyway."
    )
    if outcome.without_effect:
        out.say(f"{outcome.without_effect:,} facts change nothing: equally new ones are known already.")
    if not_ready:
        codes = [[code, f"{count:,}"] for code, count in _count_by_code(not_ready).items()]
        out.table(("code", TableColumn("baskets", right=True)), codes)
        for each in not_ready[:BASKETS_SHOWN]:
            out.say(f"  {each.basket} of {each.partner}: {', '.join(each.codes)}")
        if len(not_ready) > BASKETS_SHOWN:
            out.say(f"  and {len(not_ready) - BASKETS_SHOWN:,} more; --json names all")
    if found.unreadable:
        out.say(f"{len(found.unreadable):,} baskets cannot be read: {' '.join(found.unreadable[:5])} …")
    if not outcome.complete:
        next_step = (
            f"Repeat the command to continue from {resume}."
            if resume
            else "With --resume FILE an interrupted run can continue."
        )
        out.say(f"It was interrupted. {next_step}")


def _count_by_code(baskets: list[NotReadyBasket]) -> dict[str, int]:
    """How many baskets would become not ready for each code, the most frequent first. A basket counts for each of
    its codes."""
    counted = Counter(code for basket in baskets for code in basket.codes)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
