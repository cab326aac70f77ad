"""Real servers from wheels and jars, run as child processes: nothing but Python (and Java, for Apache Kafka)
is needed. The `embedded` extra brings them; only this package imports what it brings."""
