"""A port that is taken is told before anything is opened, and by whom it is."""

from __future__ import annotations

import socket

from adapters.http.server import PortUnavailable
from cli.port_holder import by_whom


def require_free_port(host: str, port: int, what: str, setting: str) -> None:
    """Raises PortUnavailable where nobody can listen there; `setting` is the one that names the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise PortUnavailable(
            f"port {port} of {host} for {what} cannot be had{by_whom(port)}: {why}; {setting} names another"
        ) from error
