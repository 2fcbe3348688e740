"""`python -m benchmarks [green] [changes] [service] [many] [identity] [search] [peers]`: measure.

Without a name all but the peers run, and REPORT.md is written. The peers are other products with
the load of `identity`; the first run installs them.
"""

from __future__ import annotations

import sys

from benchmarks import (
    changes,
    identity,
    many_clusters,
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
}
NAMED = ALL | {"peers": identity.peers}


def main(wanted: list[str]) -> None:
    figures = [figure for name in wanted or ALL for figure in NAMED[name]()]
    if wanted:
        for figure in figures:
            print(figure)
    else:
        report.write(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
