"""Measures how fast basket views are rebuilt, and what callers notice of it."""
