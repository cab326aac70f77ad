"""`checkout data-keys`: the master keys that wrap the keys of personal data."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from operations.output import complain, json_line, say
from operations.runner import run, settings

app = typer.Typer(no_args_is_help=True)

INTERRUPTED = 130
NO_FILE = "CHECKOUT_DATA_KEY_FILE names no file"


@app.callback()
def data_keys() -> None:
    """The master keys of personal data, in the file that CHECKOUT_DATA_KEY_FILE names."""


@app.command(epilog="Example: checkout data-keys new --if-missing")
def new(
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Only where there is no file yet.")
    ] = False,
) -> None:
    """Makes a master key and puts it in front of those in the file, which is made where there is none.

    From their next start on, processes seal by it. Keep the file apart from the database's backups, and do not
    lose it: with it all personal data is lost.
    """
    from adapters.privacy.master_keys import add_master_key, make_master_key
    from adapters.wiring import NotConfigured

    path = settings().data_key_file
    if path is None:
        raise NotConfigured(NO_FILE)
    if not path.exists():
        make_master_key(path)
        say(f"made {path}")
    elif not if_missing:
        add_master_key(path)
        say(f"a new master key is the first of {path}")


@app.command(epilog="Example: checkout data-keys rewrap")
def rewrap(json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False) -> None:
    """Wraps every key by the first master key, so that the others can leave the file.

    Do it once all processes run with the new file. Exit code 0: done. 1: something stood in the way. 130: it was
    interrupted; the same command again goes on.
    """
    done, complete = run(_rewrap())
    if json:
        json_line({"rewrapped": done, "complete": complete})
    else:
        say(f"{done:,} keys are wrapped by the first master key now")
    raise typer.Exit(0 if complete else INTERRUPTED)


async def _rewrap() -> tuple[int, bool]:
    from adapters.privacy.rewrapping import rewrap as rewrap_all
    from adapters.wiring import NotConfigured, master_keys, open_parts
    from operations.retrying import Retrying, for_long_runs
    from operations.stopping import Interrupted, stopped

    known = settings()
    master = master_keys(known)
    if master is None:
        raise NotConfigured(NO_FILE)
    async with open_parts(for_long_runs(known)) as parts, stopped() as stop:
        retrying = Retrying(stop, known.long_run_patience)
        done = 0

        async def step() -> None:
            before = done

            def go_on(count: int) -> bool:
                nonlocal done
                done = before + count
                complain(f"{done:,} keys")
                retrying.under_way()
                return not stop.is_set()

            await rewrap_all(parts.data_keys, master, go_on)

        with suppress(Interrupted):
            await retrying.do(step, stoppable=False)
        return done, not await parts.data_keys.wrapped_by_others(master.first, 1)
