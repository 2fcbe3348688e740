"""A new name and description (api/semantics.md, section 4.5).

The engine and its nodes keep the name the cluster was created with: a node's name is its own for
ever, and a cluster's is how its nodes find each other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change, check_idle
from searchplane.domain.cluster import Cluster
from searchplane.domain.texts import description_violations, name_violations
from searchplane.domain.violation import Violation, refuse


def rename(cluster: Cluster, name: str | None, description: str | None, now: datetime) -> Change:
    """`POST changename`; None leaves as it is. Raises Refused with every broken rule."""
    check_idle(cluster)
    broken = []
    if name is None and description is None:
        broken.append(Violation("CSS.0001", "display_name", None, "it or desc is needed"))
    if name is not None:
        broken += name_violations(name, "display_name", dotted=True)
    if description is not None:
        broken += description_violations(description, "desc")
    refuse(broken)
    spec = replace(
        cluster.spec,
        name=cluster.spec.name if name is None else name,
        description=cluster.spec.description if description is None else description,
        initial_name=cluster.spec.engine_name,
    )
    said = "change its description" if name is None else f"call it {name}"
    return Change(cluster, replace(cluster, spec=spec, updated=now), said)
