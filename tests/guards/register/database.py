"""What PostgreSQL refuses, also to our own processes."""

from __future__ import annotations

from tests.guards.guard import Guard

_GUARDS = "tests/adapters/postgres/event_store/test_events_guard.py::"
_FUNCTIONS = "adapters/postgres/migrations/functions/"

DATABASE = (
    Guard(
        "events-stay",
        "history is rewritten",
        f"{_FUNCTIONS}refuse_change_of_events.sql",
        "    RAISE EXCEPTION '% on events is refused', TG_OP\n"
        "        USING ERRCODE = 'insufficient_privilege',\n"
        "              HINT = CASE TG_OP WHEN 'INSERT' THEN 'Events are appended by append_events().'\n"
        "                                ELSE 'What happened stays as it was written.' END;\n",
        "    RETURN NULL;\n",
        (f"{_GUARDS}test_the_owner_itself_can_neither_write_nor_change_events",),
        database=True,
    ),
    Guard(
        "events-stay-for-replicas",
        "a session that calls itself a replica rewrites history",
        f"{_FUNCTIONS}guard_events.sql",
        "        ALTER TABLE %1$s ENABLE ALWAYS TRIGGER events_stay_as_they_are;\n",
        "",
        (f"{_GUARDS}test_events_cannot_be_changed_even_with_ordinary_triggers_disabled",),
        database=True,
    ),
    Guard(
        "facts-stay",
        "the evidence of a verdict is changed afterwards",
        f"{_FUNCTIONS}refuse_change_of_catalogue_facts.sql",
        "    RAISE EXCEPTION '% on catalogue_facts is refused', TG_OP\n"
        "        USING ERRCODE = 'insufficient_privilege', HINT = 'A newer fact takes the place of an older one.';\n",
        "    RETURN NULL;\n",
        ("tests/adapters/postgres/catalogue/test_catalogue.py::test_a_recorded_fact_cannot_be_changed",),
        database=True,
    ),
    Guard(
        "audit-stays",
        "an operator removes the record of what they did",
        f"{_FUNCTIONS}refuse_change_of_operator_actions.sql",
        "    RAISE EXCEPTION '% on operator_actions is refused', TG_OP\n"
        "        USING ERRCODE = 'insufficient_privilege', HINT = 'What was done stays as it was written.';\n",
        "    RETURN NULL;\n",
        ("tests/adapters/postgres/test_audit.py::test_recorded_actions_cannot_be_changed",),
        database=True,
    ),
    Guard(
        "role-of-the-api",
        "whoever takes over the API's process does what only other processes need",
        "adapters/postgres/rights.sql",
        "GRANT DELETE, UPDATE (answered_at) ON answers TO checkout_worker;",
        "GRANT DELETE, UPDATE (answered_at) ON answers TO checkout_worker, checkout_api;",
        ("tests/adapters/postgres/test_roles.py::test_a_process_has_no_right_that_it_does_not_need",),
        database=True,
    ),
    Guard(
        "rights-of-everybody",
        "any role of the server reads baskets",
        "adapters/postgres/rights.sql",
        "GRANT SELECT ON event_partitions TO",
        "GRANT SELECT ON events TO PUBLIC;\nGRANT SELECT ON event_partitions TO",
        ("tests/adapters/postgres/test_roles.py::test_other_roles_have_no_rights",),
        database=True,
    ),
)
