"""One line from a node's log that a person can act on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from searchplane.drivers.process.logs import LONGEST, last_error, summary

BUSY_REST_PORT = """\
[2026-01-01T10:00:00,001][INFO ][o.o.n.Node] [es-1] starting ...
[2026-01-01T10:00:02,001][ERROR][o.o.b.OpenSearchUncaughtExceptionHandler] [es-1] uncaught exception
org.opensearch.bootstrap.StartupException: BindHttpException[Failed to bind to 127.20.3.4:9200];
\tat org.opensearch.bootstrap.OpenSearch.init(OpenSearch.java:184) ~[opensearch-2.19.1.jar:2.19.1]
Caused by: java.net.BindException: Address already in use
\t... 6 more
""".splitlines()

BUSY_TRANSPORT_PORT = [
    "org.elasticsearch.transport.BindTransportException: Failed to bind to 127.20.3.4:[9300]",
    "Caused by: java.net.BindException: Address already in use",
]

UNKNOWN_SETTING = """\
[2026-01-01T10:00:02,001][ERROR][o.o.b.Bootstrap] [es-1] Exception
java.lang.IllegalArgumentException: unknown setting [node.nmae] did you mean [node.name]?
\tat org.opensearch.common.settings.AbstractScopedSettings.validate(AbstractScopedSettings.java:607)
\t... 12 more
""".splitlines()

NESTED = [
    "org.opensearch.bootstrap.StartupException: java.lang.IllegalStateException: failed to obtain",
    "\tat org.opensearch.Some.where(Some.java:1)",
    "Caused by: java.nio.file.AccessDeniedException: /var/data/nodes/0",
    "\t... 3 common frames omitted",
]

BAD_JVM_OPTION = [
    "Unrecognized VM option 'UseNoSuchGC'",
    "Error: Could not create the Java Virtual Machine.",
    "Error: A fatal exception has occurred. Program will exit.",
]

QUIET_END = [
    "OpenJDK 64-Bit Server VM warning: Sharing is only supported for boot loader classes",
    "[2026-01-01T10:00:03,001][INFO ][o.o.n.Node] [es-1] closed",
    "[2026-01-01T10:00:03,001][WARN ][o.o.n.Node] [es-1] SomeException was ignored",
    "[2026-01-01T10:00:03,001][DEPRECATION][o.e.d.n.Node] [es-1] no-jdk distributions will go",
    "",
]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (BUSY_REST_PORT, "the address 127.20.3.4:9200 is in use"),
        (BUSY_TRANSPORT_PORT, "the address 127.20.3.4:9300 is in use"),
        (
            UNKNOWN_SETTING,
            "IllegalArgumentException: unknown setting [node.nmae] did you mean [node.name]?",
        ),
        (NESTED, "AccessDeniedException: /var/data/nodes/0"),
        (BAD_JVM_OPTION, "Unrecognized VM option 'UseNoSuchGC'"),
        (["java.lang.OutOfMemoryError: Java heap space"], "OutOfMemoryError: Java heap space"),
        (["[2026-01-01][FATAL][o.o.X] [n] lost   the\tdisk"], "lost the disk"),
        (["Error: Could not find or load main class org.opensearch.Nope"],
         "Error: Could not find or load main class Nope"),
        (QUIET_END, None),
        ([], None),
    ],
)  # fmt: skip
def test_the_last_error_is_one_tidy_line(lines: list[str], sentence: str | None) -> None:
    assert summary(lines) == sentence


def test_a_long_error_is_cut() -> None:
    said = summary([f"SomeException: {'x' * 1000}"])
    assert said is not None and len(said) == LONGEST and said.endswith("…")


def _folder(tmp_path: Path, **logs: str) -> Path:
    (tmp_path / "logs").mkdir()
    for age, (name, text) in enumerate(logs.items()):
        path = tmp_path / "logs" / f"{name}.log"
        path.write_text(text)
        os.utime(path, (1000 + age, 1000 + age))
    return tmp_path


def test_errors_from_before_the_last_start_do_not_count(tmp_path: Path) -> None:
    old = "OldException: long ago\n"
    folder = _folder(tmp_path, server=old)
    assert last_error(folder, {"server.log": len(old)}) is None
    assert last_error(folder, {}) == "OldException: long ago"


def test_a_log_that_rotated_since_the_start_is_read_from_its_beginning(tmp_path: Path) -> None:
    folder = _folder(tmp_path, server="NewException: now\n")
    assert last_error(folder, {"server.log": 10_000}) == "NewException: now"


def test_the_log_written_last_has_the_last_word(tmp_path: Path) -> None:
    folder = _folder(tmp_path, server="FirstException: a\n", console="SecondException: b\n")
    assert last_error(folder, {}) == "SecondException: b"


def test_only_plain_files_of_the_node_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SecretException: key\n")
    folder = _folder(tmp_path)
    (folder / "logs" / "server.log").symlink_to(secret)
    os.mkfifo(folder / "logs" / "console.log")
    assert last_error(folder, {}) is None
