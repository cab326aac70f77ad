"""What people see of forgetting. All but the result goes to stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm

from domain.operating.forgetting import Concerned, Forgotten

MOST_NAMED = 10


def show_concerned(concerned: Concerned) -> None:
    """Which baskets would forget."""
    out = Console(stderr=True, highlight=False)
    out.print(f"{_baskets(concerned.baskets)} would forget what is personal in them, for good:")
    for partner, count in concerned.organisations.items():
        out.print(f"  {count:>7,}  of {partner}", markup=False, soft_wrap=True)


def confirmed() -> bool:
    """Whether who sits there says yes; where nobody does, no."""
    try:
        return Confirm.ask("Forget it for good?", console=Console(stderr=True), default=False)
    except EOFError:
        return False


@contextmanager
def bar(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar for the block; what it gives is to be called with how many are done."""
    columns = (TextColumn("forgetting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("forgetting", total=total)
        yield lambda done: progress.update(task, completed=done)


def show(forgotten: Forgotten, console: Console | None = None) -> None:
    """What was done."""
    out = console or Console(highlight=False)
    out.print(
        f"{_baskets(len(forgotten.basket_ids))} told to forget, {forgotten.keys_destroyed:,} keys destroyed, "
        f"{forgotten.answers_emptied:,} stored answers and {forgotten.dead_letters_emptied:,} dead letters emptied"
        f"{f' (action {forgotten.action_id})' if forgotten.action_id else ''}",
        soft_wrap=True,
    )
    if forgotten.unchanged:
        out.print(f"{_baskets(forgotten.unchanged)} had forgotten already.")
    if forgotten.left:
        out.print(f"Interrupted: {_baskets(forgotten.left)} left. The same command again goes on.")
    if forgotten.stored_in_the_clear:
        named = ", ".join(forgotten.stored_in_the_clear[:MOST_NAMED])
        more = len(forgotten.stored_in_the_clear) - MOST_NAMED
        out.print(
            f"{_baskets(len(forgotten.stored_in_the_clear))} hold events from before personal data was sealed: "
            "nothing shows it any more, but these events lie in the database and its backups as they came: "
            f"{named}{f' and {more:,} more' if more > 0 else ''}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    out.print(
        "What Kafka holds already stays until its retention ends, unless it was published sealed.",
        style="dim",
        soft_wrap=True,
    )


def _baskets(count: int) -> str:
    return f"{count:,} basket{'' if count == 1 else 's'}"
