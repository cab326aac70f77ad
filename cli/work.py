"""`checkout work`: a process of workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from adapters.container import Container, open_worker_container
from adapters.http.server import serve
from adapters.kafka.catalogue_messages import CATALOGUE_GROUP, CATALOGUE_TOPICS
from adapters.kafka.codecs import require_codecs
from adapters.kafka.topics import BASKET_EVENTS
from adapters.metrics.service_metrics import metrics_route
from adapters.settings import Settings
from adapters.system import keep_freed_memory, new_id, relax_garbage_collection, utc_now
from cli.heartbeat_reporter import report_heartbeats, this_process
from cli.ports import require_free_port
from domain.operators.status.model import WorkerReport
from workers import projector
from workers.archiver import ArchiverWorker
from workers.catalogue import CatalogueWorker
from workers.commands import CommandWorker
from workers.consistency_sampler import ConsistencySampler
from workers.expiry import ExpiryWorker
from workers.group_watcher import GroupWatcher
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
    require_free_port(settings.host, settings.health_port, "the health pages", "--health-port or CHECKOUT_HEALTH_PORT")
    async with open_worker_container(settings) as container:
        container.personal_data.warn_if_unencrypted()
        container.warn_without_promises()
        left_out = set() if settings.revalidator else {RevalidatorWorker.name}
        if settings.archive_after is None:
            left_out.add(ArchiverWorker.name)
        if not settings.sampler_baskets_per_minute:
            left_out.add(ConsistencySampler.name)
        if not settings.watched_groups:
            left_out.add(GroupWatcher.name)
        chosen = [
            worker
            for worker in _workers(container)
            if name == worker.name or (name == "all" and worker.name not in left_out)
        ]
        heartbeats = [Heartbeat(worker.name) for worker in chosen]
        tasks = [
            asyncio.create_task(keep_running(worker, heartbeat), name=worker.name)
            for worker, heartbeat in zip(chosen, heartbeats, strict=True)
        ]

        async def reports() -> Sequence[WorkerReport]:
            return await asyncio.gather(*(heartbeat.report() for heartbeat in heartbeats))

        async with report_heartbeats(container.worker_status, this_process(container.instance), reports):
            relax_garbage_collection()
            keep_freed_memory()
            try:
                health = health_app(
                    heartbeats,
                    more=[metrics_route(container.service_status, container.dead_letter_service.counts)],
                )
                await serve(health, settings, settings.health_port, finish_within=1)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def publisher_of(container: Container) -> PublisherWorker:
    return PublisherWorker(
        container.published_event_feed,
        container.raw_event_feed,
        container.published_event_store,
        container.publisher(),
        container.leadership,
        container.blocked_baskets,
        utc_now,
        retention=timedelta(seconds=container.settings.state_retention),
        erasures=container.published_erasures,
        check_topics=container.check_topics,
        role=container.publisher_role,
    )


def _workers(container: Container) -> list[Worker]:
    settings = container.settings
    return [
        publisher_of(container),
        ProjectorWorker(
            container.consumer_group(projector.GROUP, BASKET_EVENTS),
            container.projection,
            container.blocked_baskets,
            container.dead_letter_sinks,
            decrypt=container.decrypt_messages,
        ),
        CatalogueWorker(
            container.consumer_group(CATALOGUE_GROUP, *CATALOGUE_TOPICS),
            container.catalogue,
            container.dead_letter_sinks,
            ignored=settings.catalogue_ignored_members,
        ),
        CommandWorker(
            container.command_stream(),
            container.command_executor,
            container.order_handler,
            container.leadership,
            container.dead_letter_sinks,
        ),
        ExpiryWorker(
            container.basket_views,
            container.handlers,
            container.raw_event_store.purge_responses,
            container.event_partitions.make_ahead,
            utc_now,
            new_id,
            interval=timedelta(seconds=settings.expiry_interval),
        ),
        ArchiverWorker(
            container.archiver(timedelta(seconds=settings.archive_after or 0)),
            container.archive_index.drop_empty_partition,
            container.leadership,
            enabled=settings.archive_after is not None,
        ),
        RevalidatorWorker(
            container.catalogue_history,
            container.catalogue_checkpoints,
            container.open_baskets,
            container.handlers,
            container.leadership,
            utc_now,
            new_id,
            rate=settings.revalidator_rate,
            settles=timedelta(seconds=settings.revalidator_settles),
        ),
        ConsistencySampler(
            container.view_verifier,
            container.read_model_audit,
            container.topic_verifier() if settings.kafka_bootstrap_servers else None,
            container.leadership,
            rate=settings.sampler_baskets_per_minute / 60,
        ),
        GroupWatcher(container.group_meter(), container.worker_status, container.leadership),
    ]
