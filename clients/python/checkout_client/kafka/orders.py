"""Reports orders to the service, and reads what became of each report."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from types import TracebackType
from typing import Self

from checkout_client.kafka.connection import KafkaConnection
from checkout_client.kafka.messages import ORDER_RESULTS_TOPIC, ORDERS_TOPIC, Headers
from checkout_client.kafka.results import RESULT_SECONDS, ResultWaiter, cloud_event
from checkout_client.models.answers import OrderResult
from checkout_client.models.commands import OrderReport

REPORT_TYPE = "checkout.orders.v1"
DEFAULT_SOURCE = "/order-service"


class OrderReporter:
    """Writes reports to `checkout.orders.v1`.

    The same report with the same `placed_at` is the same message, whoever sends it: the service settles it once and
    answers it alike for 24 hours. So after a crash, report again.
    """

    def __init__(self, connection: KafkaConnection, *, source: str = DEFAULT_SOURCE) -> None:
        """`source` names your service in all reports (`ce_source`, a URI reference): never change it."""
        self._source = source
        self._waiter = ResultWaiter(connection, ORDER_RESULTS_TOPIC, OrderResult)

    async def __aenter__(self) -> Self:
        await self._waiter.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._waiter.__aexit__(kind, error, traceback)

    async def report(
        self, report: OrderReport, *, placed_at: datetime, seconds: float = RESULT_SECONDS, id: str | None = None
    ) -> OrderResult:
        """Reports, and returns what became of it: look at `outcome` and `code`.

        `placed_at` is when the order was placed, or rejected; it must be the same in a retry. A report that was refused
        is decided anew only with another `id`. Raises NoResult: then report the same again; and KafkaError.
        """
        id, key, value, headers = self._message(report, placed_at, id)
        return await self._waiter.send_and_wait(ORDERS_TOPIC, id, key, value, headers, seconds)

    async def send(self, report: OrderReport, *, placed_at: datetime, id: str | None = None) -> str:
        """Reports without waiting for the result, and returns the report's id: `ce_correlationid` of its result."""
        id, key, value, headers = self._message(report, placed_at, id)
        await self._waiter.send(ORDERS_TOPIC, key, value, headers)
        return id

    def _message(self, report: OrderReport, placed_at: datetime, id: str | None) -> tuple[str, str, bytes, Headers]:
        if report.basket_id is None:
            raise ValueError("the report must name its basket")
        if placed_at.tzinfo is None:
            raise ValueError("placed_at must have a time zone")
        value = report.to_json()
        time = placed_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        id = id or report_id(report, time)
        headers = cloud_event(
            REPORT_TYPE,
            id=id,
            source=self._source,
            time=time,
            subject=report.basket_id,
            partitionkey=report.basket_id,
            dataschema=f"urn:checkout:schema:{REPORT_TYPE}",
        )
        return id, report.basket_id, value, headers


def report_id(report: OrderReport, time: str) -> str:
    """The id of a report: the same for the same content, of at most 255 characters."""
    content = sha256(b"\n".join([report.to_json(), time.encode()])).hexdigest()[:16]
    return f"{report.order_id}/{report.status}/{content}"
