"""Measures the head of a request (its line and its headers) before a parser sees it."""

from __future__ import annotations

from adapters.http.limit_problems import LimitProblem, LimitProblems
from adapters.http.limits import HttpLimits

END = b"\r\n\r\n"
_LINES_BESIDE_HEADERS = 2


class HeadLimits:
    """What a head may be."""

    def __init__(self, limits: HttpLimits, rejections: LimitProblems) -> None:
        self._limits = limits
        self._rejections = rejections
        self.harmless = min(limits.url_bytes, limits.request_line_bytes, limits.header_bytes)
        """A head that is no larger can only have too many lines."""
        self._most_lines = limits.header_count + _LINES_BESIDE_HEADERS

    def keeps(self, data: bytes, size: int) -> bool:
        """Whether a whole head, the first `size` bytes, keeps all limits; quickly, and no where it takes longer."""
        return size <= self.harmless and data.count(b"\n", 0, size) <= self._most_lines

    def reject(self, received: bytearray, size: int) -> LimitProblem | None:
        """Which limit the first `size` bytes break, as far as they are a head."""
        limits = self._limits
        if size > self.harmless:
            line = received.find(b"\r\n", 0, limits.request_line_bytes + 2)
            if line < 0 and size > limits.request_line_bytes:
                return self._rejections.request_line
            if line > limits.url_bytes and _url_length(received, line) > limits.url_bytes:
                return self._rejections.url
            if size > limits.header_bytes:
                return self._rejections.header_bytes
        return None

    def reject_whole(self, received: bytearray, size: int) -> LimitProblem | None:
        """The same of a whole head."""
        crowded = received.count(b"\n", 0, size) > self._most_lines
        return self.reject(received, size) or (self._rejections.header_count if crowded else None)

    def reject_part(self, received: bytearray, searched: int) -> LimitProblem | None:
        """The same of a part, of which the first `searched` bytes have been looked at. Lines end with a carriage
        return and a line feed: a head without them would never end."""
        bare = received.count(b"\n", searched) != received.count(b"\r\n", max(0, searched - 1))
        return self.reject(received, len(received)) or (self._rejections.malformed if bare else None)


def _url_length(received: bytearray, line: int) -> int:
    begin = received.find(b" ", 0, line) + 1
    end = received.find(b" ", begin, line)
    return (line if end < 0 else end) - begin
