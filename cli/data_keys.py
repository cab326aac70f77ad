"""`checkout data-keys`: the master keys that wrap the keys of personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import echo, echo_error, echo_json
from cli.runner import DONE, INTERRUPTED, load_settings, run_interruptible

if TYPE_CHECKING:
    import asyncio

    from adapters.container import Container

app = typer.Typer(no_args_is_help=True)

NO_FILE = "CHECKOUT_DATA_KEY_FILE names no file; set it to a path, and `checkout data-keys new` makes the file"


@app.callback()
def data_keys() -> None:
    """The master keys of personal data, in the file that CHECKOUT_DATA_KEY_FILE names."""


@app.command(epilog="Example: checkout data-keys new --if-missing")
def new(
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Only where there is no file yet.")] = False,
) -> None:
    """Creates a master key and puts it in front of the others in the file. Creates the file if there is none.

    Processes encrypt by it from their next start on. Keep the file apart from the database's backups, and do not lose
    it: without it all personal data is lost.
    """
    from adapters.encryption.keys import add_master_key, create_master_key_file
    from adapters.settings import MissingSetting

    path = load_settings().data_key_file
    if path is None:
        raise MissingSetting(NO_FILE)
    if not path.exists():
        create_master_key_file(path)
        echo(f"made {path}")
    elif not if_missing:
        add_master_key(path)
        echo(f"a new master key is the first of {path}")


@app.command(epilog="Example: checkout data-keys rewrap")
def rewrap(json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False) -> None:
    """Wraps every key by the first master key, so that the others can leave the file.

    Do it once all processes run with the new file. Exit code 0: done. 1: something stood in the way. 130: it was
    interrupted; the same command again goes on.
    """
    done, complete = run_interruptible(_rewrap)
    if json:
        echo_json({"rewrapped": done, "complete": complete})
    else:
        echo(f"{done:,} keys are wrapped by the first master key now")
    raise typer.Exit(DONE if complete else INTERRUPTED)


async def _rewrap(container: Container, stop: asyncio.Event) -> tuple[int, bool]:
    """How many keys were rewrapped, and whether these were all."""
    from contextlib import suppress

    from adapters.encryption.keys import rewrap_page
    from adapters.settings import MissingSetting
    from adapters.storage_container import read_master_keys
    from cli.outage_retry import OutageRetry
    from cli.signals import Interrupted

    master, keys = read_master_keys(container.settings), container.data_keys
    if master is None:
        raise MissingSetting(NO_FILE)
    retry = OutageRetry(stop, container.settings.long_run_patience)
    done = 0
    with suppress(Interrupted):
        while not stop.is_set() and (count := await retry.do(lambda: rewrap_page(keys, master), stoppable=False)):
            done += count
            echo_error(f"{done:,} keys")
    return done, not await keys.wrapped_by_other_keys(master.first, 1)
