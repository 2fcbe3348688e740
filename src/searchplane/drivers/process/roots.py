"""Where the folders of all nodes and buckets are, as the user knows it and as a node reaches it.

    DIR/nodes/<cluster>/<node>      one node
    DIR/buckets/<tenant>            what the nodes of one project share (path.repo)

As root, nodes run as users of their own, who must be able to pass through every folder above
theirs. DIR is opened for passing (0711). When a folder above DIR is closed, as /root is, nothing
inside can be reached, and a folder of somebody else's is not ours to open: the nodes then live in
a fallback folder, and DIR/nodes is a link to it. An existing DIR/nodes always wins, wherever it
points, because that is where the data is.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path
from threading import Lock

from searchplane.drivers.process.users import Owner, TenantUsers
from searchplane.errors import Permanent

log = logging.getLogger(__name__)

FALLBACK = Path("/var/lib/searchplane-nodes")
"""Not the default data folder, which has nodes of its own below the same names."""
NODES = "nodes"
BUCKETS = "buckets"

_PASS = 0o711
_PRIVATE = 0o700


class Roots:
    """The folders of one data folder; `users` is None when all belongs to the caller."""

    def __init__(self, data: Path, users: TenantUsers | None, fallback: Path = FALLBACK) -> None:
        self.data = data.absolute()
        self._users = users
        self._fallback = fallback
        self._mode = _PRIVATE if users is None else _PASS
        self._changing = Lock()

    def real(self, name: str) -> Path:
        """Where `name` (nodes or buckets) is, or will be once it is made."""
        shown = self.data / name
        if os.path.lexists(shown) or self._closed_parent() is None:
            return shown.resolve()
        return self._substitute(name)

    def missing(self) -> str | None:
        """Why it cannot be said what there is: a disk that is not mounted is not an empty one."""
        nodes = self.data / NODES
        if not self.data.is_dir():
            return f"the data folder {self.data} is missing"
        if nodes.is_symlink() and not nodes.is_dir():
            return f"{nodes} is a link to {self.real(NODES)}, which is missing"
        return None

    def make(self, name: str, *below: str) -> Path:
        """Make the folders down to `name`/`below`, open for passing; returns the real path."""
        with self._changing:
            self.data.mkdir(mode=self._mode, parents=True, exist_ok=True)
            if self._users is not None:
                self._let_pass(self.data)
            self._make_root(name)
            folder = self.real(name)
            for part in ("", *below):
                folder = folder / part
                self._make_folder(folder)
            return folder

    def make_tenant_folder(self, tenant: int, owner: Owner | None) -> None:
        folder = self.make(BUCKETS) / str(tenant)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        if owner is not None:
            os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)

    def tidy(self) -> None:
        """Remove what holds nothing any more: buckets without files once there are no nodes."""
        with self._changing:
            if self._remove_root(NODES):
                buckets = self.real(BUCKETS)
                for folder in buckets.iterdir() if buckets.is_dir() else ():
                    with suppress(OSError):
                        folder.rmdir()
                self._remove_root(BUCKETS)

    def _make_root(self, name: str) -> None:
        shown, closed = self.data / name, self._closed_parent()
        if closed is None:
            return
        if shown.is_dir() and not shown.is_symlink():
            raise Permanent(
                f"{shown} cannot be reached by the nodes' users because {closed} is closed to "
                f"others; move the data folder, or open that one with: chmod o+x {closed}"
            )
        if not shown.is_symlink():
            target = self._substitute(name)
            self._make_folder(target)
            shown.symlink_to(target)
            log.warning(
                "%s is closed to the nodes' users: %s is a link to %s", closed, shown, target
            )

    def _remove_root(self, name: str) -> bool:
        """Remove `name` if it is empty; returns whether it is gone."""
        shown, real = self.data / name, self.real(name)
        if real.is_dir() and any(real.iterdir()):
            return False
        if shown.is_symlink():
            shown.unlink()  # first: after a crash here, a link to nothing would look like loss
        emptied = [real]
        if real.is_relative_to(self._fallback):
            emptied += [parent for parent in real.parents if parent.is_relative_to(self._fallback)]
        for folder in emptied:
            with suppress(OSError):  # not empty: other data folders have nodes there, too
                folder.rmdir()
        return True

    def _make_folder(self, folder: Path) -> None:
        """Make `folder` and what is missing above it, each open for passing."""
        if not folder.parent.exists():
            self._make_folder(folder.parent)
        folder.mkdir(mode=self._mode, exist_ok=True)
        if self._users is not None:
            self._let_pass(folder)

    def _let_pass(self, folder: Path) -> None:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & _PASS != _PASS:
            folder.chmod(mode | _PASS)

    def _closed_parent(self) -> Path | None:
        """The outermost folder above DIR that other users may not pass, if nodes are such."""
        if self._users is None:
            return None
        above = [path for path in reversed(self.data.resolve().parents) if path.exists()]
        return next((path for path in above if not path.stat().st_mode & stat.S_IXOTH), None)

    def _substitute(self, name: str) -> Path:
        digest = hashlib.sha256(str(self.data.resolve()).encode()).hexdigest()
        return self._fallback / name / digest[:16]
