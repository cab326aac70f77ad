"""Who listens on a port, as far as this machine tells."""

from __future__ import annotations


def by_whom(port: int) -> str:
    """` by NAME (process ID)`, or nothing where it cannot be told."""
    try:
        import psutil
    except ImportError:
        return ""
    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
                return f" by {psutil.Process(each.pid).name()} (process {each.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
