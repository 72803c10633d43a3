"""Wire the web application together, in reading order."""

from __future__ import annotations

import fcntl
import mmap
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from prometheus_client import CollectorRegistry

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.countries import country_of
from mirrorlist.logs import set_up_logs
from mirrorlist.reload import Reloader
from mirrorlist.settings import Settings, hook_secret, read_settings
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.count_files import CountFiles, RepeatFiles
from mirrorlist.store.jobs import JobRecord, JobRecords
from mirrorlist.store.marks import Mark, MarkName, Scheme, UploadBox
from mirrorlist.store.snapshot_files import read_newest
from mirrorlist.web.api.router import router
from mirrorlist.web.api.views import api, schemas
from mirrorlist.web.counts import Counting, Counts, Labels, Measure
from mirrorlist.web.error_pages import register_faults
from mirrorlist.web.gateway import Apart, Gateway, OneSlash
from mirrorlist.web.generations import Generations
from mirrorlist.web.hooks import hooks, node_kind, uploads, vantage_kind
from mirrorlist.web.languages import speak
from mirrorlist.web.lists.hot import Front
from mirrorlist.web.lists.views import lists
from mirrorlist.web.metrics import Sampling, ServiceMetrics, observe
from mirrorlist.web.operations import PATHS, OperatorsPort, operations
from mirrorlist.web.redirects.hot import Redirects
from mirrorlist.web.redirects.views import files
from mirrorlist.web.repeats import FORGETFUL, Repeats
from mirrorlist.web.site.published import Publications
from mirrorlist.web.site.views import site
from mirrorlist.web.site.well_known import well_known
from mirrorlist.web.time_budget import Budget, Budgets, Limited

COUNTING_SECONDS = 10.0
"""How often a worker writes down what it counted; as much is lost when it is killed."""


def create_app(settings: Settings) -> Flask:
    """The application for any WSGI server, on the newest snapshot of its state directory; without one it compiles the
    first.

    Raises:
        ServiceFileError: the service file is needed to find the state, and cannot be used.
        ValueError: the secret of the hook cannot be used.
    """
    app, _, _ = _reloading_app(settings, Repeats())
    app.wsgi_app = Apart(app.wsgi_app)  # type: ignore[method-assign]  # Flask documents this way of adding a middleware
    return app


def create_gateway(shared: mmap.mmap) -> Gateway:
    """The application for the workers of ``mirrorlist serve``, which share this memory; raises as ``create_app``."""
    app, counts, counting = _reloading_app(read_settings(), Repeats(shared))
    gateway = Gateway(app.wsgi_app, OperatorsPort(app.wsgi_app), counting.write)
    Sampling(gateway, counts).start()
    return gateway


def _reloading_app(settings: Settings, repeats: Repeats) -> tuple[Flask, Counts, Counting]:
    state_dir = settings.state or Path(read_service(settings.config, settings.mirrors)[0].state_dir)
    _compile_first(settings, state_dir)
    reloader = Reloader(state_dir, settings.reload_seconds)
    counts, count_files = Counts(), CountFiles(state_dir)
    repeat_files = RepeatFiles(state_dir)

    def tell_repeats(now: float) -> None:
        if passed := repeats.take():
            repeat_files.add(passed, now)

    records = JobRecords(state_dir)
    app = plain_app(reloader, country_of, counts, repeats=repeats, jobs=records.all)
    put_monitoring(app, reloader, counts, (count_files, records), settings.metrics_for)
    mark = Mark(state_dir, MarkName.ORIGIN)
    app.register_blueprint(hooks(hook_secret(settings), lambda: mark.leave(time.time())))
    app.register_blueprint(uploads(reloader, vantage_kind(UploadBox(state_dir))))
    nodes = node_kind(UploadBox(state_dir, Scheme.NODE, 0.0), count_files, own=settings.node)
    app.register_blueprint(uploads(reloader, nodes))
    hot = put_front(app, reloader, country_of, counts, Budgets(), repeats=repeats)
    reloader.start()
    counting = Counting(hot.collect, counts, count_files, COUNTING_SECONDS, beside=tell_repeats)
    counting.start()
    return app, counts, counting


def plain_app(
    generations: Generations,
    country_of: CountryOf,
    counts: Counts,
    clock: Callable[[], float] = time.time,
    repeats: Repeats = FORGETFUL,
    jobs: Callable[[], Sequence[JobRecord]] = tuple,
) -> Flask:
    """The Flask application, which answers everything."""
    app = Flask("mirrorlist", static_folder=None)
    app.url_map.merge_slashes = False
    speak(app)
    publications = Publications(generations, jobs)
    app.register_blueprint(lists(generations, country_of, counts, clock, repeats))
    app.register_blueprint(schemas())
    app.register_blueprint(site(publications, country_of, clock))
    app.register_blueprint(well_known(publications))
    app.register_blueprint(api(publications, country_of, clock))
    app.register_blueprint(router(publications, country_of))
    app.register_blueprint(files(generations, country_of, counts, clock, repeats))
    register_faults(app, generations)
    flask = app.wsgi_app
    app.wsgi_app = OneSlash(flask, flask)  # type: ignore[method-assign]  # Flask documents this way of adding a middleware
    return app


def put_monitoring(
    app: Flask,
    generations: Generations,
    counts: Counts,
    records: tuple[CountFiles, JobRecords],
    allowed: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> None:
    """Adds what monitoring asks for, and counts what Flask answers; ``allowed`` networks may read the metrics."""
    publications, registry = Publications(generations), CollectorRegistry()
    registry.register(ServiceMetrics(publications, *records, clock))
    app.register_blueprint(operations(publications, registry, allowed, clock))
    observe(app, counts)


@dataclass(frozen=True, slots=True)
class Hot:
    """The hot paths in front of an application."""

    lists: Front
    redirects: Redirects

    def collect(self) -> None:
        """Moves into the counts what both answered since the last time."""
        self.lists.collect()
        self.redirects.collect()


def put_front(
    app: Flask,
    generations: Generations,
    country_of: CountryOf,
    counts: Counts,
    budgets: Budgets,
    clock: Callable[[], float] = time.time,
    repeats: Repeats = FORGETFUL,
) -> Hot:
    """Puts the hot paths in front of an application; the answers stay the same."""
    flask = app.wsgi_app

    def limited(name: str, budget: Budget) -> Limited:
        labels: Labels = {Measure.REFUSED: name, Measure.ANSWERS: f"{name} 503"}
        return Limited(flask, budget, lambda environ: front.network(environ), PATHS, lambda: counts.add(labels))

    lists, pages = limited("lists", budgets.lists), limited("pages", budgets.pages)
    fold = OneSlash(pages, lambda *asked: redirects(*asked))
    front = Front(lists, fold, country_of, counts, budgets.lists, clock)
    redirects = Redirects(front, lists, country_of, counts, budgets.lists, clock, repeats)
    app.wsgi_app = redirects  # type: ignore[method-assign]  # Flask documents this way of adding a middleware
    generations.subscribe(front.take)
    generations.subscribe(redirects.take)
    return Hot(front, redirects)


def _compile_first(settings: Settings, state_dir: Path) -> None:
    """Under any WSGI server: one of the workers compiles, in a process of its own, and the others wait for it."""
    if _has_snapshot(state_dir):
        return
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "first.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has_snapshot(state_dir):
            command = [sys.executable, "-m", "mirrorlist", "--config", str(settings.config), "--state", str(state_dir)]
            if settings.mirrors:
                command += ["--mirrors", str(settings.mirrors)]
            subprocess.run([*command, "publish"], check=True)


def _has_snapshot(state_dir: Path) -> bool:
    """Whether one of the files there is whole; the name of a broken one helps nobody."""
    try:
        read_newest(state_dir)
    except SnapshotError:
        return False
    return True


def __getattr__(name: str) -> object:
    """``mirrorlist.app:application`` is made when a server asks for it, not when the module is imported."""
    if name != "application":
        raise AttributeError(name)
    settings = read_settings()
    set_up_logs(settings.log_format)
    made = globals()[name] = create_app(settings)
    return made
