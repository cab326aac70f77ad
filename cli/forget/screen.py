"""What people see of forgetting. All but the result goes to stderr."""

from __future__ import annotations

import sys

from cli.output import STDOUT, Output
from domain.operators.erasure.erasure import ErasureResult, ErasureScope

MOST_NAMED = 10


def show_concerned(concerned: ErasureScope) -> None:
    """Which baskets would forget."""
    out = Output(sys.stderr)
    out.say(f"{_baskets(concerned.baskets)} would forget what is personal in them, for good:")
    for partner, count in concerned.organisations.items():
        out.say(f"  {count:>7,}  of {partner}")


def show(forgotten: ErasureResult, out: Output = STDOUT) -> None:
    """What was done."""
    out.say(
        f"{_baskets(len(forgotten.basket_ids))} told to forget, {forgotten.keys_destroyed:,} keys destroyed, "
        f"{forgotten.answers_emptied:,} stored answers and {forgotten.dead_letters_emptied:,} dead letters emptied"
        f"{f' (action {forgotten.action_id})' if forgotten.action_id else ''}"
    )
    if forgotten.unchanged:
        out.say(f"{_baskets(forgotten.unchanged)} had forgotten already.")
    if forgotten.left:
        out.say(f"Interrupted: {_baskets(forgotten.left)} left. The same command again goes on.")
    if forgotten.stored_in_the_clear:
        named = ", ".join(forgotten.stored_in_the_clear[:MOST_NAMED])
        more = len(forgotten.stored_in_the_clear) - MOST_NAMED
        out.say(
            f"{_baskets(len(forgotten.stored_in_the_clear))} hold events from before personal data was sealed: "
            "nothing shows it any more, but these events lie in the database and its backups as they came: "
            f"{named}{f' and {more:,} more' if more > 0 else ''}",
            style="yellow",
        )
    out.say(
        "What Kafka holds already stays until its retention ends, unless it was published sealed.",
        style="dim",
    )


def _baskets(count: int) -> str:
    return f"{count:,} basket{'' if count == 1 else 's'}"
