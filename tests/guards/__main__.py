"""`python -m tests.guards [NAME ...]`: takes guards out, one by one, and says whether their tests noticed.

Ends with 0 if all were noticed, 1 if not, 2 for an unknown name.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from time import monotonic

from tests.guards.guard import Guard
from tests.guards.page import write_page
from tests.guards.register import GUARDS
from tests.guards.run import STATE, prove
from tests.guards.trial import GuardVerdict


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.page:
        print("written: docs/security.md" if write_page() else "docs/security.md is up to date")
        return 0
    unknown = set(asked.names) - {guard.name for guard in GUARDS}
    if unknown:
        print(f"there is no guard {', '.join(sorted(unknown))}; --list shows all", file=sys.stderr)
        return 2
    guards = [guard for guard in GUARDS if not asked.names or guard.name in asked.names]
    if asked.list:
        for guard in guards:
            print(f"{guard.name}\t{guard.file}\t{guard.threat}")
        return 0
    if asked.fresh:
        STATE.unlink(missing_ok=True)
    return _prove(guards, asked.processes, as_json=asked.json)


def _prove(guards: Sequence[Guard], processes: int, *, as_json: bool) -> int:
    began, done = monotonic(), 0
    progress = sys.stderr if as_json else sys.stdout

    def report(verdict: GuardVerdict) -> None:
        nonlocal done
        done += 1
        print(f"{done:3}/{len(guards)}  {verdict.status:11} {verdict.seconds:5.1f} s  {verdict.guard}", file=progress)
        if verdict.detail:
            print(f"{verdict.detail}\n", file=progress)
        progress.flush()

    print(f"their tests first run with all {len(guards)} guards in place …", file=progress, flush=True)
    verdicts = asyncio.run(prove(guards, report, processes=processes))
    unproven = [verdict for verdict in verdicts if verdict.status != "noticed"]
    seconds = round(monotonic() - began, 1)
    if as_json:
        document = {"guards": [asdict(each) for each in verdicts], "unproven": len(unproven), "seconds": seconds}
        print(json.dumps(document, indent=1))
    elif unproven:
        print(f"{len(unproven)} of {len(guards)} guards are not proven: {', '.join(each.guard for each in unproven)}")
    else:
        print(f"all {len(guards)} guards were missed by their tests, in {seconds:.0f} s")
    return 1 if unproven else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guards",
        description="Takes each guard out of a copy of the tree, and sees its tests fail. Resumes where it was stopped.",
        epilog="Ends with 0 if all were noticed, 1 if one was not, 2 for an unknown name.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these guards")
    parser.add_argument("--list", action="store_true", help="name the guards, and try none")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document; progress goes to stderr")
    parser.add_argument("--fresh", action="store_true", help="try again what was noticed before")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="so many at once (default: 2)")
    parser.add_argument("--page", action="store_true", help="write the table of guards into docs/security.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
