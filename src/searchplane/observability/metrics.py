"""What /metrics says. Times are in seconds; a phase's time is counted when the next one begins."""

from __future__ import annotations

import threading
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600)


class Metrics:
    """All figures of one service; safe to use from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "searchplane_requests",
            "Requests answered.",
            ("operation", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "searchplane_request_seconds",
            "From the request being read to its answer.",
            ("operation",),
            buckets=_FAST,
            registry=self.registry,
        )
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        """What is counted with each answer, found once: to find it costs more than to count."""
        self._passes = Counter(
            "searchplane_passes",
            "Passes of the loop, by the phase they found.",
            ("phase",),
            registry=self.registry,
        )
        self._pass_seconds = Histogram(
            "searchplane_pass_seconds",
            "Time of one pass over one cluster.",
            buckets=_FAST,
            registry=self.registry,
        )
        self._phase_seconds = Histogram(
            "searchplane_phase_seconds",
            "Time a cluster spent in a phase.",
            ("phase",),
            buckets=_SLOW,
            registry=self.registry,
        )
        self._green_seconds = Histogram(
            "searchplane_time_to_green_seconds",
            "From an accepted create request to a cluster that is green.",
            buckets=_SLOW,
            registry=self.registry,
        )
        self._phases = _Phases()
        self._nodes = _NodeStates()
        self.registry.register(self._nodes)

    def follow(self, name: str, meaning: str, count: Callable[[], float]) -> None:
        """Tell a count that is kept elsewhere and only grows; it is read when it is asked for."""
        self.registry.register(_Followed(name, meaning, count))

    def answered(self, operation: str, status: int, seconds: float) -> None:
        key = operation, status
        found = self._answered.get(key)
        if found is None:
            counter = self._requests.labels(operation, str(status))
            found = self._answered[key] = counter, self._request_seconds.labels(operation)
        counter, times = found
        counter.inc()
        times.observe(seconds)

    def refused(self, operation: str, status: int) -> None:
        """Answered without being begun, so that no time is worth counting."""
        self._requests.labels(operation, str(status)).inc()

    def passed(self, cluster_id: str, phase: str, states: Iterable[str], seconds: float) -> None:
        """One pass found the cluster in `phase` and its nodes in `states`."""
        self._passes.labels(phase).inc()
        self._pass_seconds.observe(seconds)
        ended = self._phases.entered(cluster_id, phase)
        if ended is not None:
            self._phase_seconds.labels(ended[0]).observe(ended[1])
        self._nodes.seen(cluster_id, states)

    def became_green(self, seconds: float) -> None:
        self._green_seconds.observe(seconds)

    def gone(self, cluster_id: str) -> None:
        self._phases.forget(cluster_id)
        self._nodes.forget(cluster_id)

    def exposition(self) -> bytes:
        """The figures in the text format that Prometheus reads."""
        return generate_latest(self.registry)


class _Followed:
    """A counter that somebody else counts."""

    def __init__(self, name: str, meaning: str, count: Callable[[], float]) -> None:
        self._name = name
        self._meaning = meaning
        self._count = count

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(self._name, self._meaning, value=self._count())


class _Phases:
    """Since when each cluster is in its phase."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}

    def entered(self, cluster_id: str, phase: str) -> tuple[str, float] | None:
        """The phase that ended and how long it was, if this one is new."""
        now = time.monotonic()
        before = self._since.get(cluster_id)
        if before is not None and before[0] == phase:
            return None
        self._since[cluster_id] = (phase, now)
        return (before[0], now - before[1]) if before is not None else None

    def forget(self, cluster_id: str) -> None:
        self._since.pop(cluster_id, None)


class _NodeStates:
    """Nodes by state, as the last pass over each cluster saw them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, Counts[str]] = {}

    def seen(self, cluster_id: str, states: Iterable[str]) -> None:
        with self._lock:
            self._states[cluster_id] = Counts(states)

    def forget(self, cluster_id: str) -> None:
        with self._lock:
            self._states.pop(cluster_id, None)

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            total = sum(self._states.values(), Counts())
        family = GaugeMetricFamily("searchplane_nodes", "Nodes by state.", labels=["state"])
        for state in ("absent", "stopped", "running", "unknown"):
            family.add_metric([state], total[state])
        yield family
