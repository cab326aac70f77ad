"""The package stands alone: it needs nothing of the service, and Kafka only where Kafka is used."""

from __future__ import annotations

import subprocess
import sys

import checkout_client

LOADED = "import checkout_client, sys; print(*{name.partition('.')[0] for name in sys.modules})"


def test_importing_it_loads_neither_kafka_nor_the_service() -> None:
    output = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    assert "checkout_client" in output.split()
    assert {"aiokafka", "domain", "adapters", "api", "workers", "cli"}.isdisjoint(output.split())


def test_every_public_name_is_there() -> None:
    assert [name for name in checkout_client.__all__ if not hasattr(checkout_client, name)] == []
