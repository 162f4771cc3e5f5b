"""Where `make test` asks, measures which branches of `fleet/domain` its own tests take (tests/domain_coverage)."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.domain_coverage import ASKED, NOT_MEASURED, new_measure

MEASURE = new_measure(os.environ[ASKED], str(os.getpid())) if ASKED in os.environ else None


@contextmanager
def measured(node: pytest.Collector | pytest.Item) -> Iterator[None]:
    """Pytest calls the hooks of this file for what lies in this folder only."""
    if MEASURE is None or NOT_MEASURED.intersection(node.path.parts):
        yield
        return
    MEASURE.start()
    yield
    MEASURE.stop()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    with measured(collector):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with measured(item):
        return (yield)


def pytest_sessionfinish() -> None:
    if MEASURE is not None:
        MEASURE.save()
