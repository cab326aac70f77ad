"""Measures whether calls stay as cheap in a large store, and on a basket with a long history."""
