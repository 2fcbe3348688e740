"""The command line of a node.

It is complete: a driver executes it as it is, in the node's own environment, after it has made
`FOLDERS` in the node's folder and written the configuration (config.py). The folder is on the
command line, so a process can be told to be this node's by looking at it.
"""

from __future__ import annotations

from pathlib import Path

from searchplane.engine.distributions import Installation
from searchplane.engine.home import JAVA_POLICY

FOLDERS = ("config", "data", "logs", "tmp")
"""What a node's folder must hold before it starts; all of it belongs to the node's user."""


def java_command(
    installation: Installation, *, folder: Path, heap_mb: int, processors: int
) -> tuple[str, ...]:
    """All arguments of the node in `folder`, the Java binary first."""
    names = installation.names
    return (
        str(installation.java.binary),
        *memory_options(heap_mb),
        *shared_options(installation, processors),
        *archive_options(installation),
        *file_options(folder),
        f"-D{names.prefix}.path.home={installation.home}",
        f"-D{names.prefix}.path.conf={folder / 'config'}",
        *(f"-D{key}={value}" for key, value in names.properties),
        "-cp",
        f"{installation.home / 'lib'}/*",
        names.main_class,
        f"-Epath.data={folder / 'data'}",
        f"-Epath.logs={folder / 'logs'}",
    )


def java_environment() -> dict[str, str]:
    """The whole environment of a node: nothing of the caller's changes what Java does."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def memory_options(heap_mb: int) -> tuple[str, ...]:
    """The heap, and half of it again for buffers outside."""
    return (f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", f"-XX:MaxDirectMemorySize={heap_mb // 2}m")


def shared_options(installation: Installation, processors: int) -> tuple[str, ...]:
    """Options that are the same for all nodes of an installation, the class archive's too.

    The JVM is told the flavor's number of processors, since the engine refuses a
    `node.processors` above what its JVM sees.
    """
    manager = ("-Djava.security.manager=allow",) if installation.java.major >= 18 else ()
    return (
        "-XX:+UseSerialGC",
        f"-XX:ActiveProcessorCount={processors}",
        "-XX:-UsePerfData",
        "-XX:-OmitStackTraceInFastThrow",
        *manager,
        f"-Djava.security.policy={installation.home / JAVA_POLICY}",
        "-Djava.locale.providers=SPI,COMPAT",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        "-Djna.nosys=true",
        "-Dio.netty.noUnsafe=true",
        "-Dio.netty.noKeySetOptimization=true",
        "-Dio.netty.recycler.maxCapacityPerThread=0",
        "-Dio.netty.allocator.numDirectArenas=0",
        "-Dlog4j.shutdownHookEnabled=false",
        "-Dlog4j2.disable.jmx=true",
    )


def archive_options(installation: Installation) -> tuple[str, ...]:
    """Use the class archive if there is one; a node starts without it all the same."""
    if installation.archive is None:
        return ()
    return (f"-XX:SharedArchiveFile={installation.archive}", "-Xshare:auto")


def file_options(folder: Path) -> tuple[str, ...]:
    """Whatever a node writes on its own account lies in its own folder.

    Its user may have no home: Java would take one called `?` in the working directory. A dump is as
    large as the heap; under a fixed name, which Java does not write over, there is only the first.
    """
    return (
        f"-Duser.home={folder / 'tmp'}",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        "-XX:+HeapDumpOnOutOfMemoryError",
        f"-XX:HeapDumpPath={folder / 'logs' / 'java-heap.hprof'}",
        f"-XX:ErrorFile={folder / 'logs' / 'java-error.log'}",
    )
