"""The metrics of this process. `docs/operations/status.md` lists them all."""
