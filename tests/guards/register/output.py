"""Logs, terminals and what they must never show."""

from __future__ import annotations

from tests.guards.guard import Guard

OUTPUT = (
    Guard(
        "log-tokens",
        "whoever reads the logs acts as a partner",
        "adapters/logs.py",
        'return _TOKEN.sub("<token>", line) if "eyJ" in line else line',
        "return line",
        ("tests/adapters/test_logs.py::test_a_token_in_a_message_is_removed",),
    ),
    Guard(
        "log-control-characters",
        "a caller's text forges log lines, or obeys in an operator's terminal",
        "adapters/logs.py",
        "    return printable_json(text)\n",
        "    return text\n",
        ("tests/adapters/test_logs.py::test_foreign_text_is_logged_completely_and_obeyed_by_no_terminal",),
    ),
    Guard(
        "terminal-control-characters",
        "a partner's text moves the cursor of an operator's terminal",
        "domain/shared/printable.py",
        "    return _NOT_PLAIN.sub(_as_python, text)\n",
        "    return text\n",
        ("tests/cli/test_output.py::test_text_by_others_never_controls_the_terminal",),
    ),
    Guard(
        "errors-quote-nothing",
        "an error about a stored event writes a person's data into the log",
        "domain/basket/codec.py",
        "_UNQUOTED = ConfigDict(hide_input_in_errors=True)",
        "_UNQUOTED = ConfigDict()",
        ("tests/domain/basket/test_errors_quote_nothing.py::test_errors_about_a_stored_event_do_not_quote_it",),
    ),
)
