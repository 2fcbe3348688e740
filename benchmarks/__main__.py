"""`python -m benchmarks [green] [changes] ...`: measure, and write REPORT.md when all ran."""

from __future__ import annotations

import sys

from benchmarks import changes, many_clusters, report, search, service, time_to_green

ALL = {
    "green": time_to_green.run,
    "changes": changes.run,
    "service": service.run,
    "many": many_clusters.run,
    "search": search.run,
}


def main(wanted: list[str]) -> None:
    figures = [figure for name in wanted or ALL for figure in ALL[name]()]
    if wanted:
        for figure in figures:
            print(figure)
    else:
        report.write(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
