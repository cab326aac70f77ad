"""The real command line: what it imports, and how it reports errors. It never shows a traceback by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import _COMMANDS, app
from cli.root_command import exit_code_of
from tests.servers.checkout_command import CommandResult, command, environment, interrupted, run_checkout

AWAY = "postgresql://ann:secret@127.0.0.1:1/shop"
ROOT = Path(__file__).parent.parent.parent
REASON = ("--reason", "x")

LOADED = """
import sys
from cli import main
sys.argv = ["checkout", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def loaded(folder: Path, *arguments: str, **given: str) -> set[str]:
    """The modules that a process has imported by the end of this command."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=folder,
        env=environment({"PYTHONPATH": str(ROOT), **given}),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(ended.stderr.splitlines()[-1].split())


def told_in_words(ran: CommandResult, code: int, *words: str) -> None:
    """Expects the exit code and the texts on stderr, without a traceback, JSON logs or secrets."""
    assert ran.code == code, ran.err
    for each in words:
        assert each in ran.err
    assert "Traceback" not in ran.err
    assert not [line for line in ran.err.splitlines() if line.startswith("{")]
    assert "secret" not in ran.err + ran.out


def test_help_loads_no_library_that_only_commands_need(tmp_path: Path) -> None:
    modules = loaded(tmp_path, "--help")
    heavy = {"pydantic", "asyncio", "asyncpg", "aiokafka", "fastapi", "eventsourcing", "httpx", "structlog"}
    assert not modules & heavy
    assert not {name for name in modules if name.startswith(("adapters.", "domain.basket"))}


@pytest.mark.parametrize("arguments", [["find", "--limit", "1"], ["status"], ["history", "basket-1"]])
def test_a_command_that_only_reads_postgresql_loads_no_kafka_and_no_web_framework(
    tmp_path: Path, arguments: list[str]
) -> None:
    modules = loaded(tmp_path, *arguments, CHECKOUT_DATABASE_URL=AWAY)
    assert "asyncpg" in modules
    assert not modules & {"aiokafka", "fastapi", "starlette", "httpx", "alembic", "sqlalchemy", "nicegui"}


def test_every_command_is_in_a_group_and_shows_an_example_that_names_it(tmp_path: Path) -> None:
    help_text = run_checkout(tmp_path, "--help").out
    for panel, _, name, example in _COMMANDS:
        assert f"─ {panel} ─" in help_text
        assert re.search(rf"│ {name} ", help_text)
        assert not example or f"checkout {name}" in example
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for each in group.typer_instance.registered_commands:
            assert f"checkout {group.name} " in (each.epilog or ""), each.callback


def test_the_version_shows_the_release_and_its_parts(tmp_path: Path) -> None:
    ran = run_checkout(tmp_path, "--version")
    assert ran.code == 0
    assert ran.out.startswith("partner-checkout ")
    for what in ("Python 3", "embedded PostgreSQL", "embedded broker", "console"):
        assert what in ran.out


def test_an_unknown_command_gets_a_suggestion(tmp_path: Path) -> None:
    told_in_words(run_checkout(tmp_path, "finde"), 2, "No such command 'finde'. Did you mean 'find'?")
    assert run_checkout(tmp_path, "help", "find").out == run_checkout(tmp_path, "find", "--help").out


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CHECKOUT_DATABASE_URL", "mysql://ann:secret@db/shop", "must begin with postgresql://"),
        ("CHECKOUT_DATABASE_URL", "postgresql://ann:se#cret@db/shop", "as %XX"),
        ("CHECKOUT_DATABASE_URL", "postgresql://db/shop?sslmode=bogus", "`sslmode` parameter must be one of"),
        ("CHECKOUT_LOG_LEVEL", "LOUD", "is 'LOUD' but must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("CHECKOUT_PORT", "eighty", "is 'eighty' but must be a valid integer"),
        ("CHECKOUT_DATABASE_TIMEOUT", "0", "must be greater than 0"),
        ("CHECKOUT_CONSOLE", "maybe", "must be a valid boolean"),
        ("CHECKOUT_VALIDATION_POLICY", "{x", "must be JSON"),
        ("CHECKOUT_VALIDATION_POLICY", '{"lowStok": 1}', "lowStok is not known"),
        ("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS", "http://kafka:9092", "must be host:port"),
        ("CHECKOUT_JWKS_URL", "ftp://keys", "must begin with https:// or http://"),
        ("CHECKOUT_JWT_KEY_FILE", "/nowhere/keys", "/nowhere/keys cannot be read"),
        ("CHECKOUT_KAFKA_CA_FILE", "/dev", "/dev cannot be read: Is a directory"),
    ],
)
def test_an_invalid_setting_is_named_with_its_rule(tmp_path: Path, name: str, value: str, words: str) -> None:
    told_in_words(run_checkout(tmp_path, "find", given={name: value}), 1, name, words)


@pytest.mark.parametrize("content", [b"CHECKOUT_LOG_LEVEL=LOUD\n", b"\xff\xfe\n"])
def test_an_invalid_env_file_is_reported_like_an_invalid_variable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    words = "CHECKOUT_LOG_LEVEL" if content.startswith(b"C") else "the file .env cannot be read"
    told_in_words(run_checkout(tmp_path, "find"), 1, words)


def test_an_unknown_setting_gets_one_warning_with_a_suggestion_on_stderr(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHECKOUT_KAFKA_BOOTSTRAP_SERVER=a:1\nOTHER=1\n")
    given = {
        "CHECKOUT_DATBASE_URL": "x",
        "CHECKOUT_ZZZ": "x",
        "CHECKOUT_CACHE_DIR": "/tmp",
        "CHECKOUT_URL": "http://127.0.0.1:8080",
        "CHECKOUT_TOKEN": "of a client",
        "CHECKOUT_TEST_X": "1",
        "CHECKOUT_LOCAL_ISSUER_KEY_FILE": str(tmp_path / "key.pem"),
    }
    ran = run_checkout(tmp_path, "token", "--partner", "acme", given=given)
    assert ran.code == 0
    assert ran.out.count("\n") == 1
    assert ran.err.splitlines() == [
        "checkout: CHECKOUT_DATBASE_URL is no setting; did you mean CHECKOUT_DATABASE_URL?",
        "checkout: CHECKOUT_KAFKA_BOOTSTRAP_SERVER is no setting; did you mean CHECKOUT_KAFKA_BOOTSTRAP_SERVERS?",
        "checkout: CHECKOUT_ZZZ is no setting; `checkout settings` lists them",
    ]


def test_a_long_running_process_logs_an_unknown_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = {"CHECKOUT_DATABASE_URL": AWAY, "CHECKOUT_DATBASE_URL": "x"}
        ran = run_checkout(tmp_path, "serve", "--port", port, given=given)
    warning, words = ran.err.splitlines()
    assert (json.loads(warning)["level"], "DATABASE_URL?" in json.loads(warning)["event"]) == (
        "warning",
        True,
    )
    assert words.startswith("checkout: port ")


@pytest.mark.parametrize("command_of_a_port", [["serve", "--port"], ["work", "expiry", "--health-port"]])
def test_an_occupied_port_is_reported_with_its_holder_and_its_setting(
    tmp_path: Path, command_of_a_port: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = run_checkout(tmp_path, *command_of_a_port, port, given={"CHECKOUT_DATABASE_URL": AWAY})
    told_in_words(ran, 1, f"port {port} of 127.0.0.1", f"(process {os.getpid()})", command_of_a_port[-1])


def test_an_occupied_metrics_port_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = {"CHECKOUT_DATABASE_URL": AWAY, "CHECKOUT_METRICS_PORT": str(other.getsockname()[1])}
        ran = run_checkout(tmp_path, "serve", "--port", "0", given=given)
    told_in_words(ran, 1, "for metrics cannot be had", "CHECKOUT_METRICS_PORT names another")


@pytest.mark.parametrize("folder", ["a-file", "a-file/below", "/proc/nothing/here"])
def test_up_names_an_unusable_folder(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a-file").write_text("")
    told_in_words(run_checkout(tmp_path, "up", "--data", folder), 1, folder, "--data names another")


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (["find"], {}, 1, "`checkout up` starts one"),
        (["catalogue", "load", "facts.jsonl"], {}, 1, "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS"),
        (["publish-after", "1", *REASON], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "_KAFKA_BOOTSTRAP_SERVERS"),
        (["find"], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "nothing listens where PostgreSQL at 127.0.0.1:1"),
        (
            ["show", "b"],
            {"CHECKOUT_DATABASE_URL": "postgresql://no.invalid/x"},
            1,
            "no host is called no.inv",
        ),
        (["migrate"], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "CHECKOUT_DATABASE_URL"),
        (["rebuild", "list"], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "CHECKOUT_DATABASE_URL"),
        (["dead-letters", "list"], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "CHECKOUT_DATABASE_URL"),
        (["forget", "--subject", "p", *REASON], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "CHECKOUT_DATABASE_URL"),
        (["republish", "--to", "t", *REASON], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "CHECKOUT_DATABASE_URL"),
        (["status"], {"CHECKOUT_DATABASE_URL": AWAY}, 2, "CHECKOUT_DATABASE_URL"),
        (["verify"], {"CHECKOUT_DATABASE_URL": AWAY}, 2, "CHECKOUT_DATABASE_URL"),
        (["validate", "b"], {"CHECKOUT_DATABASE_URL": AWAY}, 2, "CHECKOUT_DATABASE_URL"),
        (["serve"], {}, 1, "CHECKOUT_DATABASE_URL names no database"),
        # No moment is so long ago.
        (["serve"], {"CHECKOUT_ABANDONED_AFTER_SECONDS": "1e12"}, 1, "CHECKOUT_ABANDONED_AFTER_SECONDS is '1e12'"),
        (
            ["work", "expiry"],
            {"CHECKOUT_DATA_KEY_FILE": "/no", "CHECKOUT_DATABASE_URL": AWAY},
            1,
            "DATA_KEY_FILE",
        ),
        (["token", "--partner", "a"], {"CHECKOUT_LOCAL_ISSUER_KEY_FILE": "facts.jsonl"}, 1, "no private key"),
        (["token", "--partner", "a"], {"CHECKOUT_LOCAL_ISSUER_KEY_FILE": "."}, 1, "Is a directory"),
        (["data-keys", "new"], {}, 1, "CHECKOUT_DATA_KEY_FILE names no file; set it to a path"),
        (["data-keys", "new"], {"CHECKOUT_DATA_KEY_FILE": "facts.jsonl"}, 1, "is not 64 bytes in base64"),
        (["env"], {}, 1, "no service was started in .checkout"),
        (["schemas", "--check", "--folder", "."], {}, 1, "is missing"),
        (["schemas", "--folder", "facts.jsonl"], {}, 1, "Not a directory"),
        (["dead-letters", "skip", "1"], {"CHECKOUT_DATABASE_URL": AWAY}, 1, "--reason"),
        (["find", "--limit", "many"], {}, 2, "--limit"),
        (["catalogue", "load", "nothing.jsonl"], {}, 2, "there is no file nothing.jsonl"),
        (["validate"], {}, 2, "name a basket"),
        (["verify", "--repair"], {}, 2, "--reason"),
        (["forget", "--again", "odd", *REASON], {}, 2, "it is no text"),
        (["token"], {}, 2, "--partner"),
        (["token", "--partner", "a", "--ttl", "1" * 30], {}, 2, "--ttl"),
        (["up", "--port", "70000"], {}, 2, "--port"),
    ],
)
def test_every_error_has_a_message_and_the_exit_code_of_its_kind(
    tmp_path: Path, arguments: list[str], given: dict[str, str], code: int, words: str
) -> None:
    shutil.copyfile(ROOT / "cli" / "demo" / "sample" / "next-week.jsonl", tmp_path / "facts.jsonl")
    (tmp_path / "odd").write_bytes(b"\xff")
    told_in_words(run_checkout(tmp_path, *arguments, given=given), code, words)


def test_ctrl_c_exits_with_130_at_a_question_and_during_work(tmp_path: Path) -> None:
    given = {"CHECKOUT_DATABASE_URL": AWAY}
    at_a_question = interrupted(tmp_path, "dead-letters", "skip", "1", given=given, after="Why")
    told_in_words(at_a_question, 130)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # Takes the connection, and never answers.
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/shop"
        given = {"CHECKOUT_DATABASE_URL": url, "CHECKOUT_DATABASE_TIMEOUT": "600"}
        with subprocess.Popen(
            command("find"),
            cwd=tmp_path,
            env=environment({"PYTHONPATH": str(ROOT), **given}),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        ) as process:
            silent.accept()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (130, "")


def test_a_closed_pipe_ends_a_command_silently(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for arguments in (["settings", "--json"], ["checks"], ["--help"], ["--version"]):
        ended = subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=environment({"PYTHONPATH": str(ROOT)}),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (1, ""), arguments
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command("checks", "--json"),
            cwd=tmp_path,
            env=environment({"PYTHONPATH": str(ROOT)}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "checkout: what it says cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_commands_run_with_closed_streams(tmp_path: Path, closed: str) -> None:
    line = f"{sys.executable} -m cli checks {closed}"
    ended = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["checks"], ["checks", "--json"], ["settings", "--json"]])
def test_an_ascii_terminal_gets_escapes(tmp_path: Path, arguments: list[str]) -> None:
    given = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    ran = run_checkout(tmp_path, *arguments, given=given)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    if "--json" in arguments:
        assert json.loads(ran.out) == json.loads(run_checkout(tmp_path, *arguments).out)


def test_an_unexpected_error_is_one_line_with_exit_code_70_and_a_traceback_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("a\nb")

    monkeypatch.delenv("CHECKOUT_DEBUG", raising=False)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert exit_code_of(broken) == 70
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "this is a fault of ours: KeyError" in said
        monkeypatch.setenv("CHECKOUT_DEBUG", "1")
        assert exit_code_of(broken) == 70
        assert "Traceback" in capsys.readouterr().err
    finally:
        signal.signal(signal.SIGINT, before)
