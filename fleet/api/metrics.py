"""Figures for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission

router = PermittedRouter(tags=["service"])


class _Once(Collector):
    """Hands over what was read for one scrape."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


@router.get("/metrics", permission=Permission.METRICS_READ, response_model=None)
def metrics(actor: ActorDep, services: ServicesDep) -> Response:
    """Rollouts, outbox and jobs as Prometheus scrapes them; give it a token of role monitor."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(services.figures.all(actor)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
