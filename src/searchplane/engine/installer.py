"""The store of artifacts: fetched once, checked at every use, kept for next time.

The store is laid out like a Maven repository, so a copy of it on a web server is a mirror. A file
gets its name only after its SHA-256 was found to be the lock file's; an interrupted installation
goes on with the files that are missing. Fetching itself is the Maven client's work. What it will
not do: accept a file because a repository's own checksum fits it.
"""

from __future__ import annotations

import logging
import queue
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from searchplane.engine.folders import make_folder, sha256
from searchplane.engine.lock import Artifact
from searchplane.errors import Permanent, Transient

PARALLEL = 4
PAUSES = (1.0, 4.0, 0.0)
"""Seconds between attempts; there are as many attempts as pauses."""
STAGING = ".fetch-"
TIMEOUT = 30
"""Seconds without a byte after which an attempt has failed."""

NOT_GIVEN = "the repository did not give it: missing there, or access is refused"
_CREDENTIALS = re.compile(r"[^\s'\"]*@")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the bytes done and the bytes in all (0 and 0: not counted)."""

log = logging.getLogger(__name__)


def no_progress(what: str, done: int, total: int) -> None:
    """For callers that show nothing."""


class Meter:
    """Adds up the bytes of files that are fetched side by side."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, what: str, count: int) -> None:
        """`count` is negative when an attempt failed and its bytes were for nothing."""
        with self._lock:
            self._done += count
            self._progress(what, self._done, self._total)


class ArtifactStore:
    """Verified artifacts in `folder`.

    Missing ones come from `mirror`, the base address of a Maven repository, or without it from
    the public repository that the Maven client knows.
    """

    def __init__(self, folder: Path, mirror: str | None = None) -> None:
        self._folder = folder
        self._mirror = mirror

    def path(self, artifact: Artifact) -> Path:
        return self._folder / artifact.path

    def fetch(self, artifacts: Iterable[Artifact], progress: Progress = no_progress) -> None:
        """Make sure that all are here and right. One process at a time may do this.

        Raises Permanent when a fresh download is not what the lock file says, Transient when the
        repository or the disk fails.
        """
        missing = [artifact for artifact in artifacts if not self._verified(artifact)]
        meter = Meter(sum(artifact.size for artifact in missing), progress)
        make_folder(self._folder)
        for leftover in self._folder.glob(f"{STAGING}*"):  # a killed process left it
            shutil.rmtree(leftover)
        in_parallel(lambda artifact: self._download(artifact, meter), missing)

    def _verified(self, artifact: Artifact) -> bool:
        path = self.path(artifact)
        if not path.is_file():
            return False
        if sha256(path) == artifact.sha256:
            return True
        log.warning("%s in the engine cache is damaged; fetching it again", path.name)
        path.unlink()
        return False

    def _download(self, artifact: Artifact, meter: Meter) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=STAGING) as staging:
            fetched = self._attempts(artifact, Path(staging), meter)
            found = sha256(fetched)
            if found != artifact.sha256:
                raise Permanent(
                    f"{artifact.path.name} is not the file of the lock file: "
                    f"expected SHA-256 {artifact.sha256}, got {found}; "
                    f"check the Maven mirror for a changed file or a login page"
                )
            target = self.path(artifact)
            make_folder(target.parent)
            fetched.chmod(0o644)
            fetched.replace(target)

    def _attempts(self, artifact: Artifact, staging: Path, meter: Meter) -> Path:
        failure = ""
        for number, pause in enumerate(PAUSES):
            try:
                return self._attempt(artifact, staging / str(number), meter)
            except (OSError, RuntimeError) as error:
                # RuntimeError is how the client says that the answer was not 200; which one it
                # was, it does not say.
                failure = _told(error) if isinstance(error, OSError) else NOT_GIVEN
                log.info("fetching %s failed: %s", artifact, failure)
            time.sleep(pause)
        raise Transient(f"cannot fetch {artifact} ({artifact.path.name}): {failure}")

    def _attempt(self, artifact: Artifact, staging: Path, meter: Meter) -> Path:
        # Imported when something is really fetched: it costs a tenth of a second and 15 MB.
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext, PythonResolver

        counted = 0

        @contextmanager
        def counter(name: str, _size: int) -> Iterator[Callable[[int], None]]:
            def count(size: int) -> None:
                nonlocal counted
                counted += size
                meter.add(name, size)

            yield count

        context = MavenContext(
            resolver=PythonResolver(progress_callback=counter),
            repo_cache=staging,
            remote_repos={"repository": (self._mirror or MAVEN_CENTRAL_URL).rstrip("/")},
            timeout=TIMEOUT,
        )
        component = context.project(artifact.group, artifact.name).at_version(artifact.version)
        try:
            path: Path = component.artifact(packaging=artifact.packaging).resolve()
        except (OSError, RuntimeError):
            meter.add(artifact.path.name, -counted)
            raise
        return path


def _told(error: OSError) -> str:
    """The error's text, in which the mirror's address may stand, without what opens the mirror."""
    return _CREDENTIALS.sub("***@", str(error))


def in_parallel(work: Callable[[Artifact], None], artifacts: Iterable[Artifact]) -> None:
    """Do `work` for each, a few at a time; the first error ends it and is raised.

    The threads are daemons: a service that is told to end does not wait for a slow repository.
    """
    waiting: queue.SimpleQueue[Artifact] = queue.SimpleQueue()
    for artifact in artifacts:
        waiting.put(artifact)
    errors: list[BaseException] = []

    def worker() -> None:
        while not errors:
            try:
                work(waiting.get_nowait())
            except queue.Empty:
                return
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                errors.append(error)

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(PARALLEL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
