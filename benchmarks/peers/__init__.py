"""What others take for the same work: servers that the benchmarks run beside ours, on the same machine and database."""
