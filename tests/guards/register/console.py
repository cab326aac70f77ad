"""The operators' console in a browser."""

from __future__ import annotations

from tests.guards.guard import Guard

_ACCESS = "tests/api/console/test_console_access.py::"
_SESSIONS = "tests/api/console/test_sessions.py::"

CONSOLE = (
    Guard(
        "console-scope",
        "a partner signs in as an operator",
        "api/console/sessions.py",
        "        identity.require(OPERATOR_SCOPE)\n",
        "",
        (f"{_SESSIONS}test_other_tokens_begin_no_session",),
    ),
    Guard(
        "console-pages",
        "pages show themselves without a session",
        "api/console/auth_middleware.py",
        "        if session is not None:\n            if not path.startswith",
        "        if True:\n            if session and not path.startswith",
        (f"{_ACCESS}test_without_a_session_no_page_is_reached",),
    ),
    Guard(
        "console-other-sites",
        "another site acts in an operator's browser",
        "api/console/auth_middleware.py",
        '        if scope["method"] not in ("GET", "HEAD") and not _same_origin(headers):\n',
        "        if False:\n",
        (f"{_ACCESS}test_another_site_changes_nothing",),
    ),
    Guard(
        "console-sockets-of-other-sites",
        "another site's page opens a websocket with an operator's cookie",
        "api/console/auth_middleware.py",
        "if not path.startswith(self._socket) or not _same_origin(headers):",
        "if not path.startswith(self._socket):",
        (f"{_ACCESS}test_another_site_opens_no_websocket",),
    ),
    Guard(
        "console-socket-session",
        "an open page acts after its operator signed out",
        "api/console/auth_middleware.py",
        "                if not await self._is_over(session):\n",
        "                if True:\n",
        (f"{_ACCESS}test_a_websocket_passes_nothing_on_once_its_session_is_over",),
    ),
    Guard(
        "console-idle",
        "a forgotten browser stays signed in",
        "api/console/sessions.py",
        "        if self.seconds_left(session) <= 0:\n",
        "        if False:\n",
        (f"{_SESSIONS}test_an_idle_session_ends", f"{_SESSIONS}test_an_active_session_ends_after_its_lifetime"),
    ),
    Guard(
        "console-token-checked-again",
        "a session outlives its token and the token's key",
        "api/console/sessions.py",
        "            await self._verifier.verify(session.token)\n",
        "            pass\n",
        (
            f"{_SESSIONS}test_a_session_ends_with_its_token",
            "tests/api/console/test_session_keys.py::test_a_session_ends_when_the_key_of_its_token_is_withdrawn",
        ),
    ),
    Guard(
        "console-sign-in-replaces",
        "a session that somebody planted in a browser goes on after the sign-in",
        "api/console/sessions.py",
        "            self.end(replaces)\n",
        "            pass\n",
        (f"{_SESSIONS}test_a_new_sign_in_ends_the_browsers_old_session",),
    ),
    Guard(
        "console-redirect",
        "a link to our sign-in leads to a copy of it",
        "api/console/sign_in.py",
        "return target if target is not None and _LOCAL_PATH.fullmatch(target) else",
        "return target if target is not None else",
        (f"{_ACCESS}test_a_sign_in_leads_only_into_the_console",),
    ),
    Guard(
        "console-prefix",
        "a header writes an address or a script into pages",
        "api/console/auth_middleware.py",
        "    _drop_unsafe_prefix(scope)\n",
        "    pass\n",
        (f"{_ACCESS}test_a_prefix_that_is_no_plain_path_reaches_no_page",),
    ),
    Guard(
        "console-framing",
        "another site shows the console in a frame and borrows its clicks",
        "api/console/auth_middleware.py",
        "            for name, value in _HEADERS.items():\n                headers[name] = value\n",
        "",
        (f"{_ACCESS}test_every_response_forbids_frames_caches_and_other_origins",),
    ),
    Guard(
        "console-cookie",
        "a script or another site's link uses the session",
        "api/console/auth_middleware.py",
        'return f"{COOKIE}={session.id}; Path={path}; HttpOnly; SameSite=Strict',
        'return f"{COOKIE}={session.id}; Path={path}',
        (f"{_ACCESS}test_the_session_cookie_is_for_this_site_and_no_script",),
    ),
)
