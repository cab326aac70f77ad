"""Checks the size of a request's head (its line and its headers) before a parser sees it."""

from __future__ import annotations

from adapters.http.limit_problems import LimitProblem, LimitProblems
from adapters.settings import Settings

END = b"\r\n\r\n"
_LINES_BESIDE_HEADERS = 2


class HeadLimits:
    """The limits of a head."""

    def __init__(self, settings: Settings, problems: LimitProblems) -> None:
        self._problems = problems
        self._max_line = settings.http_max_request_line_bytes
        self._max_url = settings.http_max_url_bytes
        self._max_bytes = settings.http_max_header_bytes
        self._max_lines = settings.http_max_headers + _LINES_BESIDE_HEADERS
        # A head that is no larger can only have too many lines.
        self._harmless = min(self._max_url, self._max_line, self._max_bytes)

    def accepts(self, data: bytes, size: int) -> bool:
        """Whether a whole head, the first `size` bytes, keeps all limits. False where a closer look is needed."""
        return size <= self._harmless and data.count(b"\n", 0, size) <= self._max_lines

    def check_whole(self, received: bytearray, size: int) -> LimitProblem | None:
        """The limit that a whole head, the first `size` bytes, breaks."""
        too_many = received.count(b"\n", 0, size) > self._max_lines
        return self._check_sizes(received, size) or (self._problems.header_count if too_many else None)

    def check_part(self, received: bytearray, searched: int) -> LimitProblem | None:
        """The limit that a part of a head breaks; its first `searched` bytes were checked before.

        Lines end with a carriage return and a line feed: a head with bare line feeds would never end.
        """
        bare = received.count(b"\n", searched) != received.count(b"\r\n", max(0, searched - 1))
        return self._check_sizes(received, len(received)) or (self._problems.malformed if bare else None)

    def _check_sizes(self, received: bytearray, size: int) -> LimitProblem | None:
        if size > self._harmless:
            line = received.find(b"\r\n", 0, self._max_line + 2)
            if line < 0 and size > self._max_line:
                return self._problems.request_line
            if line > self._max_url and _url_length(received, line) > self._max_url:
                return self._problems.url
            if size > self._max_bytes:
                return self._problems.header_bytes
        return None


def _url_length(received: bytearray, line: int) -> int:
    begin = received.find(b" ", 0, line) + 1
    end = received.find(b" ", begin, line)
    return (line if end < 0 else end) - begin
