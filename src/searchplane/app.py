"""The wiring: settings in, a service out. The only place that knows every room.

`open_service` opens the data folder (one service each), brings the database up to date and makes
the first identity. The loop then runs in a thread of its own (`LoopThread`), the API wherever the
caller runs its ASGI application. `open_front` opens the same database for the API alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from searchplane.api import ops
from searchplane.api.identity.elsewhere import described, served
from searchplane.api.routes import OPERATIONS
from searchplane.api.services import Services
from searchplane.api.throttle import Throttle
from searchplane.api.web import Application
from searchplane.domain.ids import ClusterId
from searchplane.domain.layout import HostLimits, default_max_heap_mb
from searchplane.drivers.base import Checkpoint, no_checkpoint
from searchplane.drivers.process import host
from searchplane.errors import Permanent
from searchplane.iam import passwords
from searchplane.iam.authenticator import Authenticator
from searchplane.iam.bootstrap import first_start
from searchplane.iam.mode import check_mode
from searchplane.iam.sealing import Seals
from searchplane.iam.service import Identity
from searchplane.lock import NAME as LOCK_FILE
from searchplane.lock import FolderLock
from searchplane.observability.metrics import Metrics
from searchplane.reconciler.loop import Loop
from searchplane.reconciler.one_pass import OnePass
from searchplane.reconciler.ports import Ports, Tenure
from searchplane.reconciler.verifications import Verifications
from searchplane.settings import DriverKind, IamMode, Settings
from searchplane.store.audit_file import AuditFile
from searchplane.store.cluster_pages import ClusterPages
from searchplane.store.database import Database, open_database
from searchplane.store.migrate import migrate
from searchplane.store.sealed import reseal
from searchplane.store.secrets import ClusterSecrets
from searchplane.store.trail import Trail
from searchplane.tenure import await_home, is_tended, move_in, tenure

log = logging.getLogger(__name__)

OTHERS_LOOK = 0o066
"""The bits of a folder's mode that let others see or change what is in it."""

LOOP_STOP_SECONDS = 1.5
"""For the reconciler's end; with the requests' grace it stays below five seconds."""

Wake = Callable[[ClusterId], None]


@dataclass(frozen=True)
class Front:
    """A process that answers requests; clusters are tended by another."""

    settings: Settings
    services: Services

    def api(self) -> Application:
        """The API's application; with the operators' pages unless they have a listener."""
        pages = [ops.description(described(OPERATIONS, self.settings))]
        if self.settings.ops_listen is None:
            pages += ops.pages(self.services, shared=not self.settings.public_metrics)
        return Application(served(OPERATIONS, self.settings), self.services, pages)

    def ops(self) -> Application:
        """The application of the operators' own listener."""
        return Application((), self.services, ops.pages(self.services))


@dataclass(frozen=True)
class Service(Front):
    """Everything of a service that answers requests and tends clusters."""

    ports: Ports
    loop: Loop


@contextmanager
def open_service(settings: Settings, checkpoint: Checkpoint = no_checkpoint) -> Iterator[Service]:
    """Open the data folder; at the end let go of it. Nodes go on running.

    Raises Permanent (the folder is served already, cannot be used, or is of a newer version) or
    Transient (the database does not answer).
    """
    make_data_folder(settings.data)
    with FolderLock(settings.data), ExitStack() as at_end:
        database = open_database(settings)
        at_end.callback(database.close)
        right = at_end.enter_context(tenure(database))
        migrate(database)
        limits = _limits(settings)
        move_in(database, settings, limits)
        reseal(database, Seals.open(settings.seals_parent))
        yield _assemble(settings, database, limits, at_end, right=right, checkpoint=checkpoint)


@contextmanager
def open_front(settings: Settings) -> Iterator[Front]:
    """Open the database to answer requests, beside the service that tends its clusters.

    Raises Permanent (the keys are not those of that service) or Transient (the database does not
    answer, or no such service was ever started on it).
    """
    make_data_folder(settings.data)
    with ExitStack() as at_end:
        database = open_database(settings)
        at_end.callback(database.close)
        limits = await_home(database, settings).limits
        services = _services(
            settings,
            database,
            limits,
            at_end,
            metrics=Metrics(),
            wake=lambda _: None,
            is_tended=lambda: is_tended(database),
        )
        yield Front(settings, services)


@contextmanager
def _authenticator(
    settings: Settings, database: Database, identity: Identity
) -> Iterator[Authenticator]:
    """Whoever knows the users: the local identity service, begun if it is new, or a Keystone."""
    check_mode(database, settings.iam_mode)
    if settings.iam_mode is IamMode.KEYSTONE:
        from searchplane.iam.external import open_external  # few services need it, at their start

        with open_external(settings, database) as keystone:
            yield keystone
    else:
        if not settings.api_only:
            first_start(database, settings, datetime.now(UTC))
        yield identity


def make_data_folder(data: Path) -> None:
    """Make the folder if it is missing; others may pass through it, but not look into it."""
    try:
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
        _tighten(data)
        readable = os.access(data, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise Permanent(f"the data folder {data} cannot be made: {error.strerror}") from error
    if not readable:
        raise Permanent(f"the data folder {data} cannot be read and written by this user")


def _tighten(data: Path) -> None:
    """Nobody else may look into a folder that is ours alone, however it was made."""
    found, mode = data.stat(), stat.S_IMODE(data.stat().st_mode)
    is_ours = found.st_uid == os.geteuid() and not mode & stat.S_ISVTX
    if is_ours and mode & OTHERS_LOOK and ((data / LOCK_FILE).exists() or not any(data.iterdir())):
        data.chmod(mode & ~OTHERS_LOOK)


def _assemble(
    settings: Settings,
    database: Database,
    limits: HostLimits,
    at_end: ExitStack,
    *,
    right: Tenure,
    checkpoint: Checkpoint,
) -> Service:
    def wake(cluster_id: ClusterId) -> None:  # the driver calls it, and is made before the loop
        loop.wake(cluster_id)

    metrics = Metrics()
    services = _services(
        settings,
        database,
        limits,
        at_end,
        metrics=metrics,
        wake=wake,
        is_tended=lambda: loop.is_running,
    )
    ports = _ports(settings, database, services.secrets, checkpoint, wake)
    verifications = _verifications(settings, ports, limits)
    one_pass = OnePass(ports, settings.create_deadline_seconds, metrics, verifications)
    loop = Loop(ports, one_pass, right)
    return Service(settings, services, ports, loop)


def _verifications(settings: Settings, ports: Ports, limits: HostLimits) -> Verifications | None:
    """What begins verifications by itself, where that is wanted."""
    if not settings.verify_every_days:
        return None
    every = timedelta(days=settings.verify_every_days)
    return Verifications(ports, every, settings, limits, _hash_engine_password)


def _services(
    settings: Settings,
    database: Database,
    limits: HostLimits,
    at_end: ExitStack,
    *,
    metrics: Metrics,
    wake: Wake,
    is_tended: Callable[[], bool],
) -> Services:
    """What handlers work with; `at_end` closes what needs it."""
    keep = timedelta(days=settings.audit_keep_days)
    copy = AuditFile(settings.audit_file) if settings.audit_file is not None else None
    identity = Identity.open(database, settings)
    authenticator = at_end.enter_context(_authenticator(settings, database, identity))
    trail = Trail(database, keep, copy)
    at_end.callback(trail.close)
    _follow(metrics, trail)
    return Services(
        settings=settings,
        database=database,
        authenticator=authenticator,
        identity=identity,
        secrets=ClusterSecrets(Seals.open(settings.seals_parent)),
        cluster_pages=ClusterPages(database),
        limits=limits,
        metrics=metrics,
        audit=trail,
        wake=wake,
        is_tended=is_tended,
        hash_engine_password=_hash_engine_password,
        throttle=Throttle.of(settings),
    )


def _follow(metrics: Metrics, trail: Trail) -> None:
    """Have /metrics tell what is counted where it happens."""
    spent = passwords.SPENT
    metrics.follow(
        "searchplane_audit_lines_lost",
        "Lines of the audit trail over their budget: only their number was written.",
        lambda: trail.lost,
    )
    metrics.follow(
        "searchplane_password_checks", "Passwords checked, right or wrong.", lambda: spent.checks
    )
    metrics.follow(
        "searchplane_password_check_cpu_seconds",
        "Processor time of the hashes of those checks.",
        lambda: spent.seconds,
    )


def _hash_engine_password(password: str) -> str:
    from searchplane.engine.security import admin_password_hash  # no start needs it

    return admin_password_hash(password)


def _ports(
    settings: Settings,
    database: Database,
    secrets: ClusterSecrets,
    checkpoint: Checkpoint,
    wake: Wake,
) -> Ports:
    """What the loop acts through; the driver that is not wanted is not even imported."""
    if settings.driver is DriverKind.FAKE:
        from searchplane.drivers.fake import FakeDriver
        from searchplane.reconciler.compose import composer

        fake = FakeDriver(settings.data, wake, checkpoint=checkpoint)
        return Ports(
            database,
            secrets,
            fake,
            fake,
            fake,
            fake.snapshots,
            fake.ensure_distribution,
            composer(fake.tenant_folder),
            checkpoint,
        )
    from searchplane.hosting import ports

    return ports(settings, database, secrets, checkpoint, wake)


def _limits(settings: Settings) -> HostLimits:
    memory_mb = host.memory().total // host.MEGABYTE
    return HostLimits(
        max_heap_mb=settings.max_heap_mb or default_max_heap_mb(memory_mb),
        processors=host.processors(),
    )


class LoopThread:
    """The reconciler in a thread and an event loop of its own."""

    def __init__(self, service: Service, ended: Callable[[], None] = lambda: None) -> None:
        """`ended` is called in the thread when it ends, asked to or not."""
        self._service = service
        self._ended = ended
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Returns once the host has been looked at, so that clusters can be admitted."""
        self._thread.start()
        self._started.wait()

    def stop(self, timeout: float = LOOP_STOP_SECONDS) -> bool:
        """Cut off passes at work; the next start goes on from the record.

        False when some of its work, which cannot be cut off in the middle, still goes on: the
        folder must not be let go of then.
        """
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            log.exception("the reconciler ended by itself")
        finally:
            self._started.set()
            self._ended()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self._service.loop.run(self._stopping, self._started.set)
        await self._service.ports.driver.close()
