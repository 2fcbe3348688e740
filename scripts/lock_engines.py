"""Make src/searchplane/engine/lock.json: resolve every engine's artifacts and pin them.

Run it when an engine is added or a recipe below changes. It fetches all artifacts (about 500 MB)
into the folder given as its argument, so that a second run is quick, and writes the lock file. What
it writes must be reviewed like code: it decides what runs on users' machines.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jgo.maven import Dependency, MavenContext

from searchplane.domain import engines
from searchplane.domain.engines import Engine, Family
from searchplane.engine.lock import Artifact, EngineLock, Module, dump

LOCK = Path(__file__).parent.parent / "src" / "searchplane" / "engine" / "lock.json"

EXTENDS = {"analysis-common": ("lang-painless",), "ingest-common": ("lang-painless",)}
"""They bring lists of what scripts may call, which only lang-painless's class loader finds."""

LIBRARIES = (
    "com.ibm.icu:icu4j:74.2",
    "com.ibm.icu:icu4j-localespi:74.2",
    "org.locationtech.jts:jts-core:1.15.0",
    "org.locationtech.spatial4j:spatial4j:0.7",
)
"""Optional to the engine's own description, needed by what users do: Thai word breaking, shapes."""

ELASTICSEARCH_MODULES = (
    "aggs-matrix-stats",
    "analysis-common",
    "ingest-common",
    "ingest-user-agent",
    "lang-expression",
    "lang-mustache",
    "lang-painless",
    "mapper-extras",
    "parent-join",
    "percolator",
    "rank-eval",
    "reindex",
    "repository-url",
    "transport-netty4",
)
OPENSEARCH_1_MODULES = (
    "aggs-matrix-stats-client",
    "analysis-common",
    "ingest-common",
    "lang-expression",
    "lang-mustache-client",
    "lang-painless",
    "mapper-extras-client",
    "parent-join-client",
    "percolator-client",
    "rank-eval-client",
    "reindex-client",
    "transport-netty4-client",
)
OPENSEARCH_2_MODULES = (*OPENSEARCH_1_MODULES, "geo")


@dataclass(frozen=True)
class Recipe:
    """What to resolve for one engine; `by_name` adds what a module's description leaves out."""

    engine: Engine
    log4j: str
    modules: tuple[str, ...]
    by_name: dict[str, tuple[str, ...]] = field(default_factory=dict)
    security: str | None = None


RECIPES = (
    Recipe(engines.ELASTICSEARCH_7_10_2, "2.11.1", ELASTICSEARCH_MODULES),
    Recipe(engines.OPENSEARCH_1_3_6, "2.17.1", OPENSEARCH_1_MODULES),
    Recipe(
        engines.OPENSEARCH_2_11_0,
        "2.20.0",
        OPENSEARCH_2_MODULES,
        by_name={
            "lang-painless": (
                "org.opensearch.plugin:opensearch-scripting-painless-spi:2.11.0",
                "org.antlr:antlr4-runtime:4.11.1",
            )
        },
    ),
    Recipe(engines.OPENSEARCH_2_17_1, "2.21.0", OPENSEARCH_2_MODULES),
    Recipe(
        engines.OPENSEARCH_2_19_1,
        "2.21.0",
        OPENSEARCH_2_MODULES,
        security="2.19.1.0",
    ),
)


def main() -> None:
    store = Path(sys.argv[1])
    context = MavenContext(repo_cache=store, timeout=60)
    locks = [lock_engine(context, recipe) for recipe in RECIPES]
    LOCK.write_text(json.dumps(dump(locks), indent=1) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {len(locks)} engines")


def lock_engine(context: MavenContext, recipe: Recipe) -> EngineLock:
    """Resolve one engine: its library first, then each module less what is there already."""
    print(recipe.engine, flush=True)
    lib = library(context, recipe)
    present = {project(dependency) for dependency in lib}
    modules: dict[str, Module] = {}
    for artifact in sorted(recipe.modules, key=lambda name: name in EXTENDS):
        name = artifact.removesuffix("-client")
        main = module_coordinates(recipe.engine, artifact)
        jars = resolve(context, main, recipe.by_name.get(name, ()))
        own = [jar for jar in jars if project(jar) not in present]
        modules[name] = module(name, own, modules)
    return EngineLock(
        recipe.engine,
        tuple(pin(jar) for jar in lib),
        tuple(modules[name] for name in sorted(modules)),
        security_plugin(context, recipe.security) if recipe.security else None,
    )


def security_plugin(context: MavenContext, version: str) -> Artifact:
    plugin = context.project("org.opensearch.plugin", "opensearch-security").at_version(version)
    return pin(Dependency(plugin.artifact(packaging="zip")))


def library(context: MavenContext, recipe: Recipe) -> list[Dependency]:
    """What goes on the engine's own class path: all that it names, and a few single artifacts.

    Those are added without what they need, which is all there: resolved together with the engine,
    their wishes for other libraries' versions would override the engine's.
    """
    version = recipe.engine.version
    if recipe.engine.family is Family.ELASTICSEARCH:
        core = f"org.elasticsearch:elasticsearch:{version}"
        loader = f"org.codelibs.elasticsearch.lib:plugin-classloader:{version}"
    else:
        core = f"org.opensearch:opensearch:{version}"
        loader = f"org.opensearch:opensearch-plugin-classloader:{version}"
    log4j = f"org.apache.logging.log4j:log4j-core:{recipe.log4j}"
    return resolve(context, core, (loader, log4j, *LIBRARIES))


def module_coordinates(engine: Engine, artifact: str) -> str:
    if engine.family is Family.ELASTICSEARCH:
        return f"org.codelibs.elasticsearch.module:{artifact}:{engine.version}"
    return f"org.opensearch.plugin:{artifact}:{engine.version}"


def resolve(context: MavenContext, main: str, single: Iterable[str]) -> list[Dependency]:
    """An artifact and all it needs to run, and single artifacts as they are; sorted."""
    inputs, needed = context.resolver.resolve([context.create_dependency(main)])
    added = [context.create_dependency(one) for one in single]
    unique = {project(one): one for one in (*inputs, *needed, *added)}
    return [unique[key] for key in sorted(unique)]


def module(name: str, jars: list[Dependency], others: dict[str, Module]) -> Module:
    """A module of these jars, less those of the modules it extends."""
    extends = EXTENDS.get(name, ())
    inherited = {(jar.group, jar.name) for base in extends for jar in others[base].jars}
    own = tuple(pin(jar) for jar in jars if project(jar) not in inherited)
    main = next(jar for jar in jars if jar.artifactId.removesuffix("-client") == name)
    return Module(name, plugin_class(main.artifact.resolve()), extends, own)


def plugin_class(jar: Path) -> str:
    """The class the engine starts a module with: the only one that is named `...Plugin`."""
    with zipfile.ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if name.endswith("Plugin.class")]
    if len(names) != 1:
        raise SystemExit(f"{jar.name}: expected one class named ...Plugin, found {names}")
    return names[0].removesuffix(".class").replace("/", ".")


def pin(dependency: Dependency) -> Artifact:
    """Fetch an artifact and write down its size and hash."""
    path: Path = dependency.artifact.resolve()
    content = path.read_bytes()
    file = path.name
    if dependency.groupId == "org.codelibs.elasticsearch.lib" and file.startswith("plugin-class"):
        # The engine grants the right to make class loaders to a jar of this name only.
        file = f"elasticsearch-{file}"
    return Artifact(
        dependency.groupId,
        dependency.artifactId,
        dependency.version,
        dependency.type,
        hashlib.sha256(content).hexdigest(),
        len(content),
        file,
    )


def project(dependency: Dependency) -> tuple[str, str]:
    return (dependency.groupId, dependency.artifactId)


if __name__ == "__main__":
    main()
