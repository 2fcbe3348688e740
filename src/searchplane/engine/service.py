"""Engines on demand: what is installed, what is being installed, what failed.

The reconciler asks `ensure` in every pass and gets an answer at once; installing is done by a
background thread, one for each engine. A failed installation is tried again after a pause that
doubles. Before its first use in a process an installed engine is checked file by file, which takes
a tenth of a second; after that it is taken to be good until the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from searchplane.domain.engines import ENGINES, SECURED_ENGINE, Engine
from searchplane.domain.observed import Distribution, InstallFailed, Installing, Ready
from searchplane.engine import lock, plugins, training
from searchplane.engine.distributions import Installation, Java
from searchplane.engine.folders import exclusive, intact, make_folder, sealed
from searchplane.engine.home import assemble, home_path, identity
from searchplane.engine.installer import ArtifactStore, Progress, no_progress
from searchplane.engine.runtime import RunAs, install_java, installed_java, named_java
from searchplane.errors import Permanent, SearchplaneError, Transient

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
GRACE = 0.5
"""Seconds `ensure` waits for an installation that may only need to be checked."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """What one home holds."""

    engine: Engine
    secured: bool

    def __str__(self) -> str:
        return f"{self.engine} with security" if self.secured else str(self.engine)


VARIANTS = (*(Variant(engine, False) for engine in ENGINES), Variant(SECURED_ENGINE, True))


@dataclass
class _Job:
    """One variant's installation; the thread that works on it is the only one that writes."""

    state: Distribution
    done: threading.Event = field(default_factory=threading.Event)
    installation: Installation | None = None
    failures: int = 0
    retry_at: float = 0.0


class Distributions:
    """The engine cache in `cache`, which nodes run from as the user `run_as` (None: ours).

    `mirror` is the address of a Maven repository to use instead of the public one, `java_home` a
    Java of 11 to 21 to use instead of the packaged one, `s3_plugins` a folder with archives of the
    plugin that engines are to have besides (engine/plugins.py).
    """

    def __init__(
        self,
        cache: Path,
        mirror: str | None,
        java_home: Path | None,
        run_as: RunAs | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        s3_plugins: Path | None = None,
    ) -> None:
        self._cache = cache
        self._s3_plugins = s3_plugins
        self._store = ArtifactStore(cache / "artifacts", mirror)
        self._java_home = java_home
        self._run_as = run_as
        self._clock = clock
        self._jobs: dict[Variant, _Job] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()

    async def ensure(self, engine: Engine, *, secured: bool) -> Distribution:
        """Whether the engine can be used; if not, its installation has been started."""
        job = self._job(Variant(engine, secured))
        if not job.done.is_set():
            await asyncio.to_thread(job.done.wait, GRACE)
        return job.state

    def installation(self, engine: Engine, *, secured: bool) -> Installation:
        """What `ensure` found Ready; raises Transient otherwise."""
        job = self._jobs.get(Variant(engine, secured))
        if job is None or job.installation is None:
            raise Transient(f"{Variant(engine, secured)} is not installed yet")
        return job.installation

    def install(
        self, engine: Engine, *, secured: bool, progress: Progress = no_progress
    ) -> Installation:
        """Install in this thread, or find that it is installed.

        Raises Permanent or Transient, with what a person can do about it.
        """
        progress("checking the installed files", 0, 0)
        found = self._found(Variant(engine, secured))
        if found is not None:
            return found
        make_folder(self._cache)
        progress("waiting for another installation to end", 0, 0)
        with exclusive(self._cache / "install.lock"):
            return self._make(Variant(engine, secured), progress)

    def installed(self) -> list[Variant]:
        """What is in the cache now, without looking at each file."""
        return [variant for variant in VARIANTS if self._is_sealed(variant)]

    def close(self) -> None:
        """Give up what is being installed; nothing half-done stays in use."""
        self._stop.set()

    def _found(self, variant: Variant) -> Installation | None:
        """The installation, if all of it is in the cache and undamaged."""
        java = self._found_java()
        home = self._found_home(variant)
        if java is None or home is None:
            return None
        bare = Installation(variant.engine, variant.secured, java, home, None)
        if java.major < training.OLDEST_JAVA:
            return bare
        archive = training.trained(self._cache, bare)
        return replace(bare, archive=archive) if archive else None

    def _found_java(self) -> Java | None:
        if self._java_home is not None:
            return named_java(self._java_home, self._run_as)
        return installed_java(self._cache)

    def _is_sealed(self, variant: Variant) -> bool:
        try:
            return sealed(*self._home(variant))
        except Permanent:  # without its plugin it cannot be used
            return False

    def _found_home(self, variant: Variant) -> Path | None:
        home, made_from = self._home(variant)
        return home if intact(home, made_from) else None

    def _home(self, variant: Variant) -> tuple[Path, str]:
        """Where the variant's home is, and what it is to be made from."""
        plugin = plugins.archive(self._s3_plugins, variant.engine)
        home = home_path(self._cache, variant.engine, secured=variant.secured, plugin=plugin)
        return home, identity(lock.load()[variant.engine], plugin)

    def _make(self, variant: Variant, progress: Progress) -> Installation:
        """Make what is missing, while no other process does."""
        java = self._found_java()
        if java is None:
            progress("copying the Java runtime", 0, 0)
            java = install_java(self._cache)
        home = self._found_home(variant) or self._make_home(variant, progress)
        bare = Installation(variant.engine, variant.secured, java, home, None)
        if java.major < training.OLDEST_JAVA:
            return bare
        archive = training.trained(self._cache, bare) or self._train(bare, progress)
        return replace(bare, archive=archive)

    def _make_home(self, variant: Variant, progress: Progress) -> Path:
        wanted = lock.load()[variant.engine]
        home, _made_from = self._home(variant)
        plugin = plugins.archive(self._s3_plugins, variant.engine)
        self._store.fetch(wanted.artifacts(secured=variant.secured), progress)
        progress("putting the engine together", 0, 0)
        assemble(wanted, self._store, home, secured=variant.secured, plugin=plugin)
        return home

    def _train(self, bare: Installation, progress: Progress) -> Path | None:
        progress("starting a node once, so that later ones start faster", 0, 0)
        try:
            return training.train(bare, self._cache, self._run_as, self._stop)
        except Transient as error:
            log.warning("%s has no class archive, so nodes start slower: %s", bare.engine, error)
            return None

    def _job(self, variant: Variant) -> _Job:
        with self._guard:
            job = self._jobs.get(variant)
            # A thread that ended without saying so met an error nobody thought of.
            failed = job is not None and job.done.is_set() and not isinstance(job.state, Ready)
            if job is None or (failed and self._clock() >= job.retry_at):
                failures = job.failures if job else 0
                job = _Job(Installing("the installation starts"), failures=failures)
                self._jobs[variant] = job
                work = threading.Thread(
                    target=self._work, args=(variant, job), daemon=True, name=f"install {variant}"
                )
                work.start()
            return job

    def _work(self, variant: Variant, job: _Job) -> None:
        try:
            job.installation = self.install(
                variant.engine, secured=variant.secured, progress=_sentences(job)
            )
            job.state = Ready()
        except (SearchplaneError, OSError) as error:
            job.failures += 1
            pause = min(FIRST_PAUSE * 2 ** (job.failures - 1), LONGEST_PAUSE)
            job.retry_at = self._clock() + pause
            job.state = InstallFailed(str(error))
            log.warning("%s cannot be installed: %s; trying again in %.0f s", variant, error, pause)
        finally:
            job.done.set()


def _sentences(job: _Job) -> Callable[[str, int, int], None]:
    def say(what: str, done: int, total: int) -> None:
        if total:
            figures = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
            job.state = Installing(f"fetched {figures}, {what}", done, total)
        else:
            job.state = Installing(what)

    return say
