"""The golden samples: documents as they lie in stores since the type was first written. They are written
once and never edited; a new field gets a new sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "stored_events"


def samples() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}
