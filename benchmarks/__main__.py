"""`python -m benchmarks [NAME ...]`: measure; the names are those of `NAMED` below.

Without a name all but the peers run. REPORT.md keeps the newest of each figure. The peers are
other products with the load of `identity`; the first run installs them.
"""

from __future__ import annotations

import sys

from benchmarks import (
    backups,
    changes,
    identity,
    many_clusters,
    peers,
    report,
    search,
    service,
    time_to_green,
)

ALL = {
    "green": time_to_green.run,
    "changes": changes.run,
    "service": service.run,
    "many": many_clusters.run,
    "identity": identity.run,
    "search": search.run,
    "backups": backups.run,
}
NAMED = ALL | {"peers": peers.run}


def main(wanted: list[str]) -> None:
    for name in wanted or ALL:
        report.write(NAMED[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
