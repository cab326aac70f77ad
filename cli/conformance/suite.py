"""All cases of the suite, in the order of the contract."""

from __future__ import annotations

from fnmatch import fnmatchcase

from cli.conformance.case import Case, cases_of
from cli.conformance.cases import (
    bodies,
    calls,
    countries,
    initiates,
    landing_states,
    lists,
    orders,
    preconditions,
    problems,
    promises,
    remedies,
    retries,
    tokens,
    topic_attributes,
    topic_commands,
    topic_contents,
    topic_reports,
    updates,
    validations,
)

CASES: tuple[Case, ...] = cases_of(
    tokens,
    calls,
    lists,
    bodies,
    countries,
    initiates,
    landing_states,
    updates,
    validations,
    remedies,
    promises,
    orders,
    preconditions,
    retries,
    problems,
    topic_attributes,
    topic_contents,
    topic_commands,
    topic_reports,
)


def select(patterns: tuple[str, ...]) -> tuple[Case, ...]:
    """The cases whose ids match one of the patterns, or begin with it; all without patterns."""
    if not patterns:
        return CASES
    return tuple(each for each in CASES if any(_matches(each.id, pattern) for pattern in patterns))


def _matches(case_id: str, pattern: str) -> bool:
    return fnmatchcase(case_id, pattern) or case_id.startswith(f"{pattern}.")
