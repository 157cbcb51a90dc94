"""What /metrics tells."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)


class Metrics:
    """The figures of one collector."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        events = Counter(
            "collector_events", "Events by what became of them", ["outcome"], registry=self._registry
        )
        self.accepted = events.labels("accepted")
        self.counted = events.labels("counted")  # accepted, without consent: only a count was kept
        self.rejected = events.labels("rejected")
        self.failed = events.labels("failed")
        self.refused = Counter(
            "collector_refused", "Requests answered 401, 413, 415 or 429", ["status"], registry=self._registry
        )
        self.in_flight = Gauge("collector_in_flight", "Requests that wait for Kafka", registry=self._registry)
        self.latency = Histogram(
            "collector_publish_seconds",
            "From a body that was read to Kafka's acknowledgement",
            registry=self._registry,
            buckets=SECONDS,
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
