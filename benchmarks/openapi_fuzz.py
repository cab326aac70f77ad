"""Sends thousands of generated requests (schemathesis). Fails on a 5xx, or a response that /openapi.json does not allow.

python -m benchmarks.openapi_fuzz                                  5,000 cases, on the in-memory adapters
python -m benchmarks.openapi_fuzz --url http://127.0.0.1:8080 --token "$(checkout token --partner shop)"
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys

from adapters.logs import configure_logging
from tests.api.partner.openapi_fuzzing import Counting, Target, fuzz, memory_server


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes the partner API by its OpenAPI document.")
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a running service; else one is started on the in-memory adapters")
    parser.add_argument("--token", help="a bearer token that the running service accepts")
    options = parser.parse_args()
    configure_logging("WARNING")
    with contextlib.ExitStack() as stack:
        counting: Counting | None = None
        if options.url is None:
            target, counting = stack.enter_context(memory_server())
        else:
            target = Target(options.url.rstrip("/"), options.token or "")
        sent, run = 0, 0
        while sent < options.cases:
            # schemathesis counts by call and phase; runs with other seeds add up to the number of cases
            result = fuzz(target, 150, seed=options.seed + run // 2, fed=run % 2 == 0)
            found = re.search(r"(\d+) generated", result.stdout)
            sent += int(found[1]) if found else 0
            run += 1
            print(f"run {run}: {sent} cases so far, exit code {result.returncode}", flush=True)
            if result.returncode != 0 or found is None:
                print(result.stdout, result.stderr, sep="\n")
                return 1
    if counting is not None:
        print("answers by status:", dict(sorted(counting.answers.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
