"""Real servers from wheels, run as child processes, for `checkout up` and for tests. The `embedded` extra brings them;
only this package imports what it brings."""
