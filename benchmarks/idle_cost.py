"""Measures what `checkout up` with embedded servers costs at rest: `python -m benchmarks.idle_cost [SECONDS]`.

Prints one JSON line: the cores that all its processes take together, and the share and memory of each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import psutil

SETTLED_AFTER_SECONDS = 20.0


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    command = [sys.executable, "-m", "cli", "up", "--ephemeral", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as up:
        try:
            assert up.stdout is not None
            if not json.loads(up.stdout.readline())["ready"]:
                raise SystemExit("it did not start")
            time.sleep(SETTLED_AFTER_SECONDS)
            root = psutil.Process(up.pid)
            processes = [root, *root.children(recursive=True)]
            before, began = _cpu_seconds(processes), time.monotonic()
            time.sleep(seconds)
            after, took = _cpu_seconds(processes), time.monotonic() - began
            print(json.dumps(_figures(processes, before, after, took)))
        finally:
            up.terminate()


def _cpu_seconds(processes: list[psutil.Process]) -> list[float]:
    return [sum(process.cpu_times()[:2]) for process in processes]


def _figures(
    processes: list[psutil.Process], before: list[float], after: list[float], seconds: float
) -> dict[str, object]:
    shares = [(end - begin) / seconds for begin, end in zip(before, after, strict=True)]
    return {
        "seconds": round(seconds, 1),
        "cores": round(sum(shares), 4),
        "processes": [
            {
                "command": " ".join(process.cmdline())[-60:],
                "cores": round(share, 4),
                "memory_mb": process.memory_info().rss >> 20,
            }
            for process, share in zip(processes, shares, strict=True)
            if share > 0.001
        ],
    }


if __name__ == "__main__":
    main()
