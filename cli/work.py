"""The workers as a process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from adapters.container import (
    Container,
    new_id,
    open_container,
    utc_now,
)
from adapters.http.limits import HttpLimits
from adapters.http.server import serve
from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS
from adapters.kafka.codecs import require_codecs
from adapters.kafka.topics import BASKET_EVENTS
from adapters.metrics.page import metrics_route
from adapters.settings import Settings
from cli.heartbeat_reporter import report_heartbeats, this_process
from cli.ports import require_free_port
from domain.operators.status.model import WorkerReport
from workers import catalogue, projector
from workers.catalogue import CatalogueWorker
from workers.commands import CommandWorker
from workers.consistency_sampler import ConsistencySampler
from workers.expiry import ExpiryWorker
from workers.health import health_app
from workers.heartbeat import Heartbeat
from workers.projector import ProjectorWorker
from workers.publisher import PublisherWorker
from workers.revalidator import RevalidatorWorker
from workers.runner import Worker, keep_running


async def run_workers(settings: Settings, name: str) -> None:
    """Runs one worker, or all of them, and their health pages until SIGTERM or SIGINT. Raises BrokerRefused where a
    codec is missing: a compressed message would stop them."""
    require_codecs()
    require_free_port(
        settings.host, settings.health_port, "the health pages", "--health-port or CHECKOUT_HEALTH_PORT"
    )
    async with open_container(settings, serving=True, of_operators=False) as parts:
        parts.privacy.warn_if_unencrypted()
        left_out = set() if settings.revalidator else {RevalidatorWorker.name}
        if not settings.sampler_baskets_per_minute:
            left_out.add(ConsistencySampler.name)
        chosen = [
            worker
            for worker in _workers(parts)
            if name == worker.name or (name == "all" and worker.name not in left_out)
        ]
        heartbeats = [Heartbeat(worker.name) for worker in chosen]
        tasks = [
            asyncio.create_task(keep_running(worker, heartbeat), name=worker.name)
            for worker, heartbeat in zip(chosen, heartbeats, strict=True)
        ]

        async def reports() -> Sequence[WorkerReport]:
            return await asyncio.gather(*(heartbeat.report() for heartbeat in heartbeats))

        async with report_heartbeats(parts.worker_states, this_process(parts.instance), reports):
            try:
                health = health_app(
                    heartbeats, more=[metrics_route(parts.statuses, parts.dead_letter_service.counts)]
                )
                limits = HttpLimits.of(settings)
                await serve(health, settings.host, settings.health_port, limits, finish_within=1)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def _workers(parts: Container) -> list[Worker]:
    settings = parts.settings
    return [
        PublisherWorker(
            parts.published_feed,
            parts.published_store,
            parts.publisher(),
            parts.leadership,
            parts.parked,
            role=parts.publisher_role,
        ),
        ProjectorWorker(
            parts.subscription(projector.GROUP, BASKET_EVENTS),
            parts.projection,
            parts.parked,
            parts.dead_letters,
            opened=parts.decrypt_messages,
        ),
        CatalogueWorker(
            parts.subscription(catalogue.GROUP, *CATALOGUE_TOPICS),
            parts.facts,
            parts.dead_letters,
            ignored=settings.catalogue_ignored_members,
        ),
        CommandWorker(
            parts.command_stream(),
            parts.commands,
            parts.orders,
            parts.leadership,
            parts.dead_letters,
        ),
        ExpiryWorker(
            parts.views,
            parts.handlers,
            parts.stored.purge_answers,
            utc_now,
            new_id,
            interval=timedelta(seconds=settings.expiry_interval),
        ),
        RevalidatorWorker(
            parts.history,
            parts.catalogue_readers,
            parts.open_baskets,
            parts.handlers.revalidation,
            parts.leadership,
            utc_now,
            new_id,
            rate=settings.revalidator_rate,
            settles=timedelta(seconds=settings.revalidator_settles),
        ),
        ConsistencySampler(
            parts.verification,
            parts.derived_rows,
            parts.topic_verification() if settings.kafka_bootstrap_servers else None,
            parts.leadership,
            rate=settings.sampler_baskets_per_minute / 60,
        ),
    ]
