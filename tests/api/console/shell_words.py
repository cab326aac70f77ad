"""What a shell makes of a `curl` command: its arguments, and the request that they mean."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The shell's own word splitting, with a `curl` that prints its arguments.
_PRINT_ARGUMENTS = "curl() { printf '%s\\0' \"$@\"; }\n"


@dataclass(frozen=True)
class CurlRequest:
    """A request as `curl` would send it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str


def shell_arguments(command: str, token: str, shell: str = "sh") -> Sequence[str]:
    """The arguments of the one `curl` in a command. Fails if the shell prints or does anything else."""
    ended = subprocess.run(
        [shutil.which(shell) or shell, "-u", "-c", _PRINT_ARGUMENTS + command],
        env={"TOKEN": token, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert ended.stderr == ""
    assert ended.stdout.endswith("\0")
    return ended.stdout.split("\0")[:-1]


def curl_request(arguments: Sequence[str]) -> CurlRequest:
    """Reads the arguments as `curl` does. Fails on an option that it does not know."""
    method, url, body, headers = "GET", "", "", {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        match word:
            case "--globoff":
                pass
            case "-X":
                method = rest.pop(0)
            case "-H":
                name, _, value = rest.pop(0).partition(": ")
                headers[name] = value
            case "--cookie":
                headers["Cookie"] = rest.pop(0)
            case "--data-raw":
                body = rest.pop(0)
            case _:
                assert not word.startswith("-"), word
                assert not url, f"{word} is a second address"
                url = word
    return CurlRequest(method, url, headers, body)
