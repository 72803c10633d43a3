"""Expose what a service does, and how its network and its data are, in Prometheus's formats.

Every worker answers alike: requests are counted by all workers together, in the files that each writes every few
seconds (``store/count_files.py``), and begin at 0 with each day (UTC), which Prometheus takes for a restart. The rest
comes from the generation that the worker serves. Private mirrors have no row.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from flask import Flask, Response, g, request
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mirrorlist import __version__
from mirrorlist.core.errors import NotReady
from mirrorlist.core.public.types import MirrorState
from mirrorlist.core.readiness import NOTHING_LOADED, Readiness, readiness
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.jobs import JobRecord, JobRecords
from mirrorlist.web.counts import BOUNDS, COLD, HOT, Counts, Dimension, Measure, count_time
from mirrorlist.web.gateway import Gateway
from mirrorlist.web.site.published import Publications, Published
from mirrorlist.web.time_budget import NOT_HOT


class ServiceMetrics(Collector):
    """Collects all metrics again for each scrape."""

    def __init__(
        self,
        publications: Publications,
        files: CountFiles,
        records: JobRecords,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._publications = publications
        self._files = files
        self._jobs = records
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: a registry would collect everything once at the start to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        now = self._clock()
        build = InfoMetricFamily("mirrorlist_build", "The version of the program.")
        build.add_metric((), {"version": __version__})
        yield build
        try:
            published = self._publications.current()
        except NotReady:
            yield from requests(self._today(now), frozenset())
            yield from ready(NOTHING_LOADED.status)
            return
        yield from requests(self._today(now), published.by_name.keys())
        yield from jobs(self._jobs.all(), now)
        found = readiness(published.snapshot.facts, published.network, now)
        yield from ready(found.status)
        yield from generation(published)
        yield from mirrors(published)
        yield from data(published)

    def _today(self, now: float) -> Mapping[str, Counter[str]]:
        today = datetime.fromtimestamp(now, UTC).date()
        sums: dict[str, Counter[str]] = {each.value: Counter() for each in (*Dimension, *Measure)}
        for one in self._files.read(today, today):
            for dimension, counted in one.items():
                if dimension in sums:
                    sums[dimension].update(counted)
        return sums


PRIVATE = "-"
"""Stands for mirrors that are not public, and for answers that named none."""


def requests(sums: Mapping[str, Counter[str]], public: Collection[str]) -> Iterator[Metric]:
    """What was answered today; ``public`` are the names of mirrors that may be shown."""
    answered = CounterMetricFamily("mirrorlist_requests", "Answers by route and status.", labels=("route", "status"))
    for label, times in sorted(sums[Measure.ANSWERS].items()):
        answered.add_metric(label.rpartition(" ")[::2], times)
    yield answered
    yield _durations(sums)
    yield _counter("lists", "Lists and metalinks by fallback level.", "level", sums[Dimension.RUNG])
    first: Counter[str] = Counter()
    for mirror, times in sums[Dimension.FIRST].items():
        first[mirror if mirror in public else PRIVATE] += times
    yield _counter("first_choices", "Answers by the mirror that came first.", "mirror", first)
    yield _counter(
        "refused", "Answers refused with 503, by the budget that was spent.", "budget", sums[Measure.REFUSED]
    )


def _durations(sums: Mapping[str, Counter[str]]) -> Metric:
    family = HistogramMetricFamily(
        "mirrorlist_request_duration_seconds",
        "The time to answer, by path: hot (a few each second) or flask (all).",
        labels=("path",),
    )
    for path in (HOT, COLD):
        total, buckets = 0, []
        for bound in (*(f"{bound:g}" for bound in BOUNDS), "+Inf"):
            total += sums[Measure.SECONDS][f"{path} {bound}"]
            buckets.append((bound, total))
        family.add_metric((path,), buckets, sums[Measure.MICROSECONDS][path] / 1e6)
    return family


def _counter(name: str, help_: str, label: str, sums: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"mirrorlist_{name}", help_, labels=(label,))
    for value, times in sorted(sums.items()):
        family.add_metric((value,), times)
    return family


def ready(status: Readiness) -> Iterator[Metric]:
    """What ``/readyz`` says."""
    yield GaugeMetricFamily("mirrorlist_ready", "1 if there is something to serve.", status is not Readiness.NOT_READY)
    yield GaugeMetricFamily(
        "mirrorlist_degraded", "1 if somebody should look; /readyz has the reasons.", status is Readiness.DEGRADED
    )


def generation(published: Published) -> Iterator[Metric]:
    """The generation that this worker serves."""
    facts = published.snapshot.facts
    yield GaugeMetricFamily("mirrorlist_generation", "The number of the generation.", facts.generation)
    yield GaugeMetricFamily(
        "mirrorlist_generation_timestamp_seconds", "When it was compiled; its age is time() less this.", facts.built_at
    )
    yield GaugeMetricFamily("mirrorlist_findings", "Remarks on service.yml and the mirror files.", len(facts.findings))
    yield GaugeMetricFamily(
        "mirrorlist_mirror_files_behind", "1 if newer mirror files were refused.", facts.behind is not None
    )


def mirrors(published: Published) -> Iterator[Metric]:
    """The public mirrors, as the pages show them."""
    network, states = published.network, published.states
    family = GaugeMetricFamily("mirrorlist_mirrors", "Public mirrors by state.", labels=("state",))
    for state in MirrorState:
        family.add_metric((state.value,), states.get(state, 0))
    yield family
    lag = GaugeMetricFamily(
        "mirrorlist_mirror_lag_seconds", "How far the worst repository is behind.", labels=("mirror",)
    )
    share = GaugeMetricFamily(
        "mirrorlist_mirror_home_share_ratio",
        "The part of its own country's clients that gets it first.",
        labels=("mirror",),
    )
    checked = GaugeMetricFamily("mirrorlist_mirror_checked_timestamp_seconds", "The last check.", labels=("mirror",))
    for mirror in network.mirrors:
        for each, value in ((lag, mirror.lag_seconds), (share, mirror.home_share), (checked, mirror.checked_at)):
            if value is not None:
                each.add_metric((mirror.name,), value)
    yield from (lag, share, checked)
    levels = GaugeMetricFamily("mirrorlist_repositories", "Repositories by their fallback level.", labels=("level",))
    for level, count in (network.rungs or {}).items():
        levels.add_metric((level,), count)
    yield levels
    if ended := next((run for run in network.runs if run.seconds is not None), None):
        yield GaugeMetricFamily(
            "mirrorlist_probe_run_duration_seconds", "The last whole run of the prober.", ended.seconds
        )
        yield GaugeMetricFamily("mirrorlist_probe_run_timestamp_seconds", "When it began.", ended.started_at)
        yield GaugeMetricFamily("mirrorlist_probe_run_requests", "Its requests to public mirrors.", ended.requests or 0)


def data(published: Published) -> Iterator[Metric]:
    """The times of the data that answers are made of."""
    facts, network = published.snapshot.facts, published.network
    family = GaugeMetricFamily(
        "mirrorlist_data_timestamp_seconds",
        "When each kind of data was made; its age is time() less this.",
        labels=("data",),
    )
    days = {"places": facts.places_built_on, "asns": facts.asns_built_on, **facts.downloads}
    times = {name: datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() for name, day in days.items() if day}
    times |= {f"files of {module}": index.facts.listed_at for module, index in published.snapshot.files.items()}
    for name, at in times.items():
        family.add_metric((name,), at)
    yield family
    yield GaugeMetricFamily(
        "mirrorlist_origin_faults", "What is wrong at the origin itself.", len(network.origin_faults)
    )
    if network.origin_changed_at is not None:
        yield GaugeMetricFamily(
            "mirrorlist_origin_changed_timestamp_seconds", "The newest change of the origin.", network.origin_changed_at
        )


def jobs(records: Iterable[JobRecord], now: float) -> Iterator[Metric]:
    """The periodic jobs of this state directory; ``job`` is what Prometheus calls a group of targets."""
    about = {
        "last_success_timestamp_seconds": ("When it last ended well; its age is time() less this.", "succeeded_at"),
        "last_duration_seconds": ("How long the last run took.", "seconds"),
        "next_timestamp_seconds": ("When it runs next.", "next_at"),
    }
    families = {
        attribute: GaugeMetricFamily(f"mirrorlist_job_{name}", help_, labels=("task",))
        for name, (help_, attribute) in about.items()
    }
    failing = GaugeMetricFamily("mirrorlist_job_failing", "1 if the last run failed.", labels=("task",))
    for record in records:
        failing.add_metric((record.name,), record.is_failing(now))
        for attribute, family in families.items():
            if (value := getattr(record, attribute)) is not None:
                family.add_metric((record.name,), value)
    yield from (*families.values(), failing)


def observe(app: Flask, counts: Counts, timer: Callable[[], float] = time.perf_counter) -> None:
    """Counts and times what Flask answers, by route and status; what the hot paths answer, they count themselves."""

    def begin() -> None:
        request.environ[NOT_HOT] = True
        g.begun = timer()

    def end(response: Response) -> Response:
        # the blueprint and its view; lists and files by what they are, as the hot paths are called
        blueprint, _, view = (request.endpoint or "none").rpartition(".")
        route = {"lists": view, "files": "files", "": view}.get(blueprint, f"{blueprint}/{view}")
        counts.add({Measure.ANSWERS: f"{route} {response.status_code}"})
        count_time(counts, COLD, timer() - g.begun)
        return response

    # before all others, as files are answered before any view is looked for
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(end)


class Sampling:
    """Times one request now and then, in a thread; it counts if a hot path answered it."""

    def __init__(self, gateway: Gateway, counts: Counts, seconds: float = 0.1) -> None:
        self._gateway = gateway
        self._counts = counts
        self._seconds = seconds
        self._is_done = True

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._loop, name="sampling", daemon=True).start()

    def _loop(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._seconds):
            self.sample()

    def sample(self) -> None:
        """Times the next request, unless the last one asked for is still to come."""
        if self._is_done:
            self._is_done = False
            self._gateway.time_next(self._took)

    def _took(self, environ: Mapping[str, object], seconds: float) -> None:
        self._is_done = True
        if NOT_HOT not in environ:
            count_time(self._counts, HOT, seconds)
