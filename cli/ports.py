"""Ports that another program may hold."""

from __future__ import annotations

import socket


def require_free_port(host: str, port: int, purpose: str, setting: str) -> None:
    """Raises PortUnavailable where nobody can listen there. `setting` names the port's setting for people."""
    from adapters.http.server import PortUnavailable

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise PortUnavailable(
            f"port {port} of {host} for {purpose} cannot be had{port_holder(port)}: {why}; {setting} names another"
        ) from error


def port_holder(port: int) -> str:
    """` by NAME (process ID)` of the program that listens on the port; empty where it cannot be found out."""
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
