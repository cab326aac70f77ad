"""Every guard that is proven, by the door that it stands at."""

from __future__ import annotations

from tests.guards.guard import Guard
from tests.guards.register.archive import ARCHIVE
from tests.guards.register.callers import CALLERS
from tests.guards.register.console import CONSOLE
from tests.guards.register.database import DATABASE
from tests.guards.register.operators import OPERATORS
from tests.guards.register.output import OUTPUT
from tests.guards.register.personal_data import PERSONAL_DATA
from tests.guards.register.promises import PROMISES
from tests.guards.register.strangers import STRANGERS
from tests.guards.register.tokens import TOKENS
from tests.guards.register.topics import TOPICS

GUARDS: tuple[Guard, ...] = (
    *TOKENS,
    *CALLERS,
    *STRANGERS,
    *TOPICS,
    *PROMISES,
    *PERSONAL_DATA,
    *OPERATORS,
    *CONSOLE,
    *DATABASE,
    *ARCHIVE,
    *OUTPUT,
)
