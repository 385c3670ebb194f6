"""What one daemon counts and measures, told in Prometheus' text format; nothing else knows prometheus_client.

Labels are few and known beforehand: statuses, codes, operations, AE titles of the configuration. Never an identifier.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from studypub import __version__, log

__all__ = ["MEDIA_TYPE", "Gauges", "Metrics"]

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "studypub"
# Bounds in seconds. Of an answer: what a person does not notice, up to what he gives up at.
_ANSWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STORE = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)
_STATE = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)
_LAG = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for


class Gauges(NamedTuple):
    """One gauge as it is found when somebody asks; with a label, a value for each of its values."""

    name: str
    about: str
    values: Mapping[str, float]
    label: str = ""


class Metrics:
    """The counters of one daemon, which builds it and gives it to the parts that count. Safe from any thread."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_LogLines())
        Gauge(f"{_PREFIX}_build_info", "Always 1, with the version that runs", ["version"], registry=registry).labels(
            __version__
        ).set(1)
        self.gauge("threads", "Threads of the process", lambda: {"": threading.active_count()})
        self.answers = _counter(registry, "http_responses", "Answers by the class of their status", "status")
        _show(self.answers, *(f"{number}xx" for number in range(2, 6)))
        self.answer_seconds = _histogram(
            registry, "http_request_seconds", "From a request to the beginning of its answer", _ANSWER, "area"
        )
        self.loop_lag = _histogram(registry, "event_loop_lag_seconds", "How late the event loop wakes", _LAG)
        self.attempts = _counter(registry, "attempts", "Attempts at tasks that have ended, however they did")
        self.rescues = _counter(registry, "rescues", "Attempts at a task whose worker had died or lost its lease")
        self.publications = _counter(registry, "publications", "What became of tasks that were worked on", "outcome")
        _show(self.publications, "published", "failed")
        self.failures = _counter(registry, "failures", "Attempts that met with an error, by its code", "code")
        self.state_seconds = _histogram(registry, "task_state_seconds", "How long a task stays so", _STATE, "status")
        self.missing = _counter(registry, "missing_instances", "Instances that a PACS lists and did not send")
        self.refused = _counter(registry, "dicom_refused", "What our listener refused", "what")
        self.rejections = _counter(
            registry, "dicom_associations_refused", "Associations that our listener refused, by why", "reason"
        )
        _show(self.refused, "association", "instance")
        self.c_stores = _counter(registry, "c_stores", "C-STORE requests by the status of our answer", "status")
        self.store_seconds = _histogram(
            registry, "store_seconds", "What a call of the archive storage takes", _STORE, "operation"
        )
        self.store_errors = _counter(
            registry, "store_errors", "Calls of the archive storage that failed", "operation", "code"
        )
        self.hl7_messages = _counter(registry, "hl7_messages", "Messages of HL7, by what we answered", "outcome")
        _show(self.hl7_messages, "accepted", "wrong", "later", "refused", "unreadable")
        self.mails = _counter(registry, "mails", "Mails about alerts, by what became of them", "outcome")
        _show(self.mails, "sent", "failed")
        self.messages = _counter(
            registry, "messages", "Messages to programs and patients, by what became of them", "kind", "outcome"
        )
        self.messages.labels("webhook", "failed")

    def gauge(self, name: str, about: str, read: Callable[[], Mapping[str, float]], label: str = "") -> None:
        """Tell what is read whenever somebody asks, by the values of a label; reading takes no time and never fails."""
        self.registry.register(_Read(name, about, read, label))

    def page(self, found: Iterable[Gauges] = ()) -> bytes:
        """Return everything, and what was found just now, as Prometheus reads it."""
        return generate_latest(self.registry) + generate_latest(_Found(found))

    def value(self, name: str, **labels: str) -> float:
        """Return a sample of a counter or gauge; 0 where nothing was counted yet."""
        return self.registry.get_sample_value(f"{_PREFIX}_{name}", labels) or 0.0


class _LogLines(Collector):
    def collect(self) -> Iterable[Metric]:
        about = "Lines that the log lost because they could not be written"
        yield CounterMetricFamily(f"{_PREFIX}_log_lines_dropped", about, log.dropped())


class _Read(Collector):
    def __init__(self, name: str, about: str, read: Callable[[], Mapping[str, float]], label: str) -> None:
        self._name, self._about, self._read, self._label = name, about, read, label

    def collect(self) -> Iterable[Metric]:
        yield _family(Gauges(self._name, self._about, self._read(), self._label))


class _Found:
    def __init__(self, gauges: Iterable[Gauges]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return map(_family, self._gauges)


def _family(gauges: Gauges) -> Metric:
    labels = [gauges.label] if gauges.label else []
    family = GaugeMetricFamily(f"{_PREFIX}_{gauges.name}", gauges.about, labels=labels)
    for key, value in gauges.values.items():
        family.add_metric([key] if labels else [], value)
    return family


def _counter(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Counter:
    return Counter(f"{_PREFIX}_{name}", about, labels, registry=registry)


def _show(counter: Counter, *values: str) -> None:
    """Tell these from the start: Prometheus takes no first appearance for an increase."""
    for value in values:
        counter.labels(value)


def _histogram(
    registry: CollectorRegistry, name: str, about: str, bounds: tuple[float, ...], *labels: str
) -> Histogram:
    return Histogram(f"{_PREFIX}_{name}", about, labels, buckets=bounds, registry=registry)
