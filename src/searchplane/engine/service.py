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
from dataclasses import dataclass, field
from pathlib import Path

from searchplane.domain.engines import ENGINES, SECURED_ENGINE, Engine
from searchplane.domain.observed import Distribution, InstallFailed, Installing, Ready
from searchplane.engine import lock, training
from searchplane.engine.distributions import Installation, Java
from searchplane.engine.folders import exclusive, intact, make_folder, sealed
from searchplane.engine.home import assemble, home_path, identity
from searchplane.engine.installer import ArtifactStore, Progress, no_progress
from searchplane.engine.runtime import RunAs, named_java, packaged_java
from searchplane.errors import SearchplaneError, Transient

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
    Java of 11 to 21 to use instead of the packaged one.
    """

    def __init__(
        self,
        cache: Path,
        mirror: str | None,
        java_home: Path | None,
        run_as: RunAs | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
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
        wanted = lock.load()[engine]
        home = home_path(self._cache, engine, secured=secured)
        make_folder(self._cache)
        progress("waiting for another installation to end", 0, 0)
        with exclusive(self._cache / "install.lock"):
            java = self._java(progress)
            progress("checking the installed files", 0, 0)
            if not intact(home, identity(wanted)):
                self._store.fetch(wanted.artifacts(secured=secured), progress)
                progress("putting the engine together", 0, 0)
                assemble(wanted, self._store, home, secured=secured)
            bare = Installation(engine, secured, java, home, None)
            return self._with_archive(bare, progress)

    def installed(self) -> list[Variant]:
        """What is in the cache now, without looking at each file."""
        return [
            variant
            for variant in VARIANTS
            if sealed(
                home_path(self._cache, variant.engine, secured=variant.secured),
                identity(lock.load()[variant.engine]),
            )
        ]

    def close(self) -> None:
        """Give up what is being installed; nothing half-done stays in use."""
        self._stop.set()

    def _java(self, progress: Progress) -> Java:
        if self._java_home is not None:
            return named_java(self._java_home, self._run_as)
        progress("preparing the Java runtime", 0, 0)
        return packaged_java(self._cache)

    def _with_archive(self, bare: Installation, progress: Progress) -> Installation:
        if bare.java.major < training.OLDEST_JAVA:
            return bare
        archive = training.archive_path(self._cache, bare)
        if not archive.is_file():
            progress("starting a node once, so that later ones start faster", 0, 0)
            try:
                training.train(bare, self._cache, self._run_as, self._stop)
            except Transient as error:
                log.warning("%s has no class archive, nodes start slower: %s", bare.engine, error)
                return bare
        return Installation(bare.engine, bare.secured, bare.java, bare.home, archive)

    def _job(self, variant: Variant) -> _Job:
        with self._guard:
            job = self._jobs.get(variant)
            failed = job is not None and isinstance(job.state, InstallFailed)
            if job is None or (failed and self._clock() >= job.retry_at):
                failures = job.failures if job else 0
                job = _Job(Installing(f"{variant}: installation starts"), failures=failures)
                self._jobs[variant] = job
                work = threading.Thread(
                    target=self._work, args=(variant, job), daemon=True, name=f"install {variant}"
                )
                work.start()
            return job

    def _work(self, variant: Variant, job: _Job) -> None:
        try:
            job.installation = self.install(
                variant.engine, secured=variant.secured, progress=_sentences(variant, job)
            )
            job.state = Ready()
        except (SearchplaneError, OSError) as error:
            job.failures += 1
            pause = min(FIRST_PAUSE * 2 ** (job.failures - 1), LONGEST_PAUSE)
            job.retry_at = self._clock() + pause
            job.state = InstallFailed(f"{variant} cannot be installed: {error}")
            log.warning("%s; trying again in %.0f s", job.state.reason, pause)
        finally:
            job.done.set()


def _sentences(variant: Variant, job: _Job) -> Callable[[str, int, int], None]:
    def say(what: str, done: int, total: int) -> None:
        if total:
            figures = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
            job.state = Installing(f"{variant}: fetched {figures}, {what}")
        else:
            job.state = Installing(f"{variant}: {what}")

    return say
