"""A process of a pool that does a part of some long work for the one that began it."""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT_LOOKED_FOR_EVERY = 0.5


def end_with_parent() -> None:
    """Makes this process one that ends soon after its parent, however that ended. Interrupts are the parent's: it
    says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_LOOKED_FOR_EVERY)
    os._exit(1)
