from __future__ import annotations

from io import StringIO

from cli.output import Output
from cli.status.screen import show, show_unavailable
from domain.operators.status.lag import LagLimits
from domain.operators.status.model import Backlog, RoleLock, ServiceStatus, StatusReadings
from domain.operators.status.service_status import HealthPolicy, evaluate
from tests.domain.operators.status.test_group_lags import measured
from tests.domain.operators.status.test_service_status import NOON, ROLE, ago, recorded


def seen(status: ServiceStatus, *, all_processes: bool = False, width: int = 500) -> str:
    paper = StringIO()
    show(status, Output(paper, width=width), all_processes=all_processes)
    return paper.getvalue()


def line(text: str, *words: str) -> str:
    """The only line of the tables that has all these words."""
    lines = [each for each in text.splitlines() if not each.startswith("✗")]
    (found,) = [each for each in lines if all(word in each for word in words)]
    return found


BUSY = evaluate(
    StatusReadings(
        NOON,
        [
            recorded(heard=30, position=7, role=ROLE),
            recorded(instance="b", condition="standing-by", role=ROLE),
            recorded("projector", "a", "failing", error="BrokerUnavailable: " + "x" * 300, rate=0.0),
            recorded("catalogue", "a", heard=120, measured=120, lag=(0, 0.0)),
            recorded("commands", "old", "stopped", heard=90),
            recorded("commands", "new", measured=1, position=12, lag=(3, 0.25), rate=1234.5),
        ],
        [
            Backlog("publisher", ROLE, 7, 9, 2, 30.0),
            Backlog("projector", None, None, None, 2000, 95, at_least=True),
        ],
        [RoleLock(ROLE, "a")],
    ),
    HealthPolicy(("api", "publisher")),
)


def test_every_worker_is_shown_with_its_state_lag_and_last_error() -> None:
    text = seen(BUSY)
    assert "has 4 problems" in text
    assert "none" in line(text, "api", "absent")
    assert "30 s" in line(text, "publisher", "dead", "host-a", "7", "2")
    assert "standing by" in line(text, "host-b")
    assert f"BrokerUnavailable: {'x' * 300}" in line(text, "projector", "failing", "≥ 2,000", "1 min")
    assert "unknown" in line(text, "catalogue", "dead", "2 min")
    assert "0.2 s" in line(text, "commands", "working", "12", "3", "1,234")


def test_a_dead_holder_of_a_role_is_shown_as_dead() -> None:
    assert "host-a 1, which is dead" in line(seen(BUSY), ROLE, "1")


def test_each_problem_is_a_sentence() -> None:
    assert [each[2:] for each in seen(BUSY).splitlines() if each.startswith("✗")] == [*BUSY.problems]


def test_stopped_processes_are_shown_if_nobody_does_their_work_or_on_request() -> None:
    assert "host-old" not in seen(BUSY)
    assert "stopped" in line(seen(BUSY, all_processes=True), "host-old")
    alone = evaluate(StatusReadings(NOON, [recorded(condition="stopped")], [], []), HealthPolicy())
    assert "stopped" in line(seen(alone), "host-a")


WATCHED = evaluate(
    StatusReadings(
        NOON,
        (),
        (),
        (),
        groups=[
            measured(group="order-service", messages=12_000, estimated=True, oldest_at=ago(360), rate=900.0),
            measured("no-members", group="order-cache", messages=0, topic="checkout.baskets.v1"),
            measured("missing", group="ordre-service", topic=None, unknown="it has committed nothing"),
        ],
        groups_measured_at=ago(3),
    ),
    HealthPolicy(limits=LagLimits(seconds=30)),
)


def test_each_consumer_group_is_shown_with_what_waits_for_it() -> None:
    text = seen(WATCHED)
    assert "6 min" in line(text, "order-service ", "reading", "≈ 12,000", "checkout.basket-events.v1", "900")
    assert "checkout.baskets.v1" in line(text, "order-cache", "no members", "0")
    assert "it has committed nothing" in line(text, "ordre-service", "missing", "unknown")


def test_a_narrow_terminal_still_shows_how_far_a_group_is_behind() -> None:
    text = seen(WATCHED, width=80)
    assert "6 min" in line(text, "order-service ", "reading", "≈ 12,000")
    assert max(len(each) for each in text.splitlines() if not each.startswith("✗")) <= 80


def test_an_unreadable_status_is_shown_with_its_reason() -> None:
    paper = StringIO()
    show_unavailable("the event store is unavailable", Output(paper))
    assert "cannot be found out: the event store is unavailable" in paper.getvalue()


def test_a_narrow_terminal_still_shows_the_whole_lag() -> None:
    text = seen(BUSY, width=80)
    assert "1 min" in line(text, "projector", "failing", "≥ 2,000")
    assert "standing by" in line(text, "host-b 1")
    assert max(len(each) for each in text.splitlines() if not each.startswith("✗")) <= 80
    assert "left out: release, last error; --wide shows all" in text
