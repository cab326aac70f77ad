"""How busy others keep the machine while something is measured."""

from __future__ import annotations

import psutil


class OtherLoad:
    """From its making on: what processes other than this one and its children take."""

    def __init__(self) -> None:
        self._began = _now()

    @property
    def share(self) -> float:
        """Of all processors, 0 to 1."""
        busy, ours, everything = (now - then for now, then in zip(_now(), self._began, strict=True))
        return max(0.0, (busy - ours) / everything) if everything else 0.0


def _now() -> tuple[float, float, float]:
    return _busy(), _ours(), _all()


def _all() -> float:
    return float(sum(psutil.cpu_times()[:8]))


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0))


def _ours() -> float:
    """Of the processes that live now: one that ends in between counts as another's."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
