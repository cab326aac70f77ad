"""Measures what one connection without a token can do to others: for each attack, how long /health/live takes.

    python -m benchmarks.attacks --url http://127.0.0.1:8080 --seconds 30 --pid $(pgrep -f 'checkout serve')

Without `--url` it serves the API on the in-memory adapters. Each attack starts again on a new connection when the server
closes the old one. A second process calls /health/live all the time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

GET = b"GET / HTTP/1.1\r\n"
POST = b"POST /partner/checkout/initiate HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SOCKET = (
    b"GET /console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CONSOLE = b"GET /console/ HTTP/1.1\r\nAccept: text/html\r\n"

BYTES: dict[str, bytes] = {
    "20 MB of header lines": GET + b"a:\r\n" * 5_000_000,
    "1 MB of one header's lines": GET + b"a:b\r\n" * 200_000 + b"\r\n",
    "a header without a newline": GET + b"a: " + b"x" * 20_000_000,
    "a request line without an end": b"GET /" + b"x" * 20_000_000,
    "a method without an end": b"X" * 20_000_000,
    "100,000 requests at once": b"GET /x HTTP/1.1\r\n\r\n" * 100_000,
    "100,000 liveness checks at once": b"GET /health/live HTTP/1.1\r\n\r\n" * 100_000,
    "20,000 bad tokens at once": (GET + b"Authorization: Bearer " + b"e30." * 3_000 + b"\r\n\r\n") * 2_000,
    "one-byte chunks": CHUNKED + b"1\r\nx\r\n" * 3_000_000,
    "chunk extensions": CHUNKED + (b"1;" + b"x" * 10_000_000 + b"\r\nx\r\n"),
    "trailers": CHUNKED + b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 2_000_000,
    "cookies": (GET + b"Cookie: " + b"a=b; " * 3_000 + b"\r\n\r\n") * 500,
    "console cookies with backslashes": (CONSOLE + b'Cookie: checkout_console="' + b"\\" * 16_000 + b'"\r\n\r\n') * 500,
    "console queries": (CONSOLE.replace(b"/ ", b"/?" + b"%22" * 2_600 + b" ") + b"\r\n") * 500,
    "pings without a session": SOCKET + b"\x89\x80\0\0\0\0" * 3_000_000,
    "messages without a session": SOCKET + b"\x81\x81\0\0\0\0a" * 3_000_000,
    "fragments without a session": SOCKET + b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 3_000_000,
    "large frames without a session": SOCKET + b"\x81\xff\0\0\0\0\0\xff\xff\xff\0\0\0\0" + b"x" * 20_000_000,
}


def flood(host: str, port: int, data: bytes) -> None:
    """Sends the bytes repeatedly and reads nothing."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port)) as caller:
            caller.sendall(data)
            time.sleep(0.05)


def converse(host: str, port: int, data: bytes) -> None:
    """Sends the bytes repeatedly and reads the responses as fast as they arrive."""

    def drain(caller: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while caller.recv(1 << 20):
                pass

    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port)) as caller:
            reader = threading.Thread(target=drain, args=(caller,), daemon=True)
            reader.start()
            caller.sendall(data)
            reader.join()


def dribble(host: str, port: int, data: bytes) -> None:
    """Sends one byte at a time."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port)) as caller:
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                caller.send(bytes((byte,)))


def crowd(host: str, port: int, data: bytes) -> None:
    """Opens connection after connection and keeps the newest 900."""
    held: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection((host, port)))
            held[-1].sendall(data)
        if len(held) > 900:
            held.pop(0).close()


Attack = tuple[Callable[[str, int, bytes], None], bytes]
ATTACKS: dict[str, Attack] = {
    **{name: (flood, data) for name, data in BYTES.items()},
    **{f"{name}, read": (converse, data) for name, data in BYTES.items() if "at once" in name},
    **{
        f"{name}, read": (converse, BYTES[name])
        for name in (
            "cookies",
            "console cookies with backslashes",
            "console queries",
            "pings without a session",
        )
    },
    "a head, byte for byte": (dribble, GET + b"a: " + b"x" * 100_000),
    "a body, byte for byte": (dribble, POST + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000),
    "connections": (crowd, b""),
    "half-sent requests": (crowd, b"GET / HTTP/1.1\r\nA: "),
}


async def watch(host: str, port: int, seconds: float) -> list[float]:
    """Seconds of each call of /health/live, each on a new connection."""
    took: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.perf_counter()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = await reader.read(-1)
            writer.close()
            if b" 200 " in answer[:20]:
                took.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return took


def resident_mb(pid: int | None) -> str:
    if pid is None:
        return ""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return f"{pages * os.sysconf('SC_PAGESIZE') / 1e6:6.0f} MB"


def serve_memory(port: int, folder: str) -> None:
    import uvloop  # noqa: PLC0415

    from adapters.http.server import serve  # noqa: PLC0415
    from adapters.logs import configure_logging  # noqa: PLC0415
    from tests.api.service import Service, settings_in  # noqa: PLC0415

    configure_logging("INFO")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # writing logs belongs to the cost; nobody reads them
    service = Service(settings_in(Path(folder)))
    uvloop.run(serve(service.app, service.settings, port, finish_within=1))


@contextlib.contextmanager
def memory_server() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.Process(target=serve_memory, args=(port, folder))
        process.start()
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid or 0
        finally:
            process.terminate()
            process.join()


def run(url: str, pid: int | None, seconds: float, only: str) -> None:
    at = urlsplit(url)
    host, port = at.hostname or "", at.port or 80
    print(f"{'attack':40} {'answers':>8} {'median':>9} {'longest':>9} {'memory':>9}")
    for name, (attack, data) in {"nothing": (None, b""), **ATTACKS}.items():
        if only not in name:
            continue
        process = multiprocessing.Process(target=attack, args=(host, port, data)) if attack else None
        if process is not None:
            process.start()
        took = sorted(asyncio.run(watch(host, port, seconds)))
        if process is not None:
            process.kill()
            process.join()
        figures = f"{took[len(took) // 2]:8.4f}s {took[-1]:8.4f}s" if took else "   no answer"
        print(f"{name:40} {len(took):8} {figures} {resident_mb(pid)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    if given.url is not None:
        run(given.url, given.pid, given.seconds, given.only)
        return
    with memory_server() as (url, pid):
        run(url, pid, given.seconds, given.only)


if __name__ == "__main__":
    main()
