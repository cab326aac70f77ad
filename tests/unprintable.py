"""Texts that may not be stored or shown, one for each kind."""

UNPRINTABLE = [
    "a\x00b",
    "a\nb",
    "a\x1b[2Jb",
    "a\x7fb",
    "a\x85b",
    "a\x9b2Jb",
    "a\u202eb",
    "a\u2066b",
    "a\u200fb",
    "a\u061cb",
    "a\u2028b",
    "a\uffffb",
]
