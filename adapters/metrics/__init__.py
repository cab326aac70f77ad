"""What this process tells Prometheus. `docs/operations/status.md` lists every metric."""
