"""`checkout data-keys`: the master keys that wrap the keys of personal data."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from cli.output import echo, echo_error, echo_json
from cli.runner import load_settings, run_async

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
    from adapters.container import MissingSetting
    from adapters.encryption.keys import add_master_key, create_master_key_file

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
    done, complete = run_async(_rewrap())
    if json:
        echo_json({"rewrapped": done, "complete": complete})
    else:
        echo(f"{done:,} keys are wrapped by the first master key now")
    raise typer.Exit(0 if complete else INTERRUPTED)


async def _rewrap() -> tuple[int, bool]:
    from adapters.container import MissingSetting, open_container, read_master_keys
    from adapters.encryption.key_rotation import rewrap_keys as rewrap_all
    from cli.outage_retry import OutageRetry, with_long_run_timeouts
    from cli.signals import Interrupted, stop_signal

    known = load_settings()
    master = read_master_keys(known)
    if master is None:
        raise MissingSetting(NO_FILE)
    async with open_container(with_long_run_timeouts(known)) as parts, stop_signal() as stop:
        retrying = OutageRetry(stop, known.long_run_patience)
        done = 0

        async def step() -> None:
            before = done

            def go_on(count: int) -> bool:
                nonlocal done
                done = before + count
                echo_error(f"{done:,} keys")
                retrying.under_way()
                return not stop.is_set()

            await rewrap_all(parts.data_keys, master, go_on)

        with suppress(Interrupted):
            await retrying.do(step, stoppable=False)
        return done, not await parts.data_keys.wrapped_by_other_keys(master.first, 1)
