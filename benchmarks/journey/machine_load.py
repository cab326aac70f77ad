"""How busy other processes keep the machine during a measurement."""

from __future__ import annotations

import psutil


class OtherLoad:
    """Measures, from its creation on, the processor time of all processes but this one and its children."""

    def __init__(self) -> None:
        self._start = _times()

    @property
    def share(self) -> float:
        """Of all processors, 0 to 1."""
        busy, own, total = (now - then for now, then in zip(_times(), self._start, strict=True))
        return max(0.0, (busy - own) / total) if total else 0.0


def _times() -> tuple[float, float, float]:
    """Seconds of all busy processors, of our processes, and of all processors."""
    times = psutil.cpu_times()
    total = float(sum(times[:8]))
    busy = total - times.idle - getattr(times, "iowait", 0.0)
    return busy, sum(map(_seconds, _own_processes())), total


def _own_processes() -> list[psutil.Process]:
    """Those that live now: a child that ended counts as another's."""
    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
