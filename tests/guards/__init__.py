"""Proves guards against attackers by taking each one out of a copy of the tree, and seeing its tests fail.

`python -m tests.guards` runs it; docs/security.md says which threat each guard is for.
"""
