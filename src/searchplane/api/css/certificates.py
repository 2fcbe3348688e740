"""The certificates of the clusters' authorities, without which no client can verify a node.

Each secured cluster has an authority of its own. The official path names no cluster, so it gives
the authorities of all the project's clusters in one file; verifiers accept any of them.
"""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import Field

from searchplane.api.css.clusters import find_cluster
from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Operation
from searchplane.errors import NotFound, Refused
from searchplane.store.secrets import AUTHORITY_CERTIFICATE

FILE_NAME = "CloudSearchService.cer"
"""What the public service calls it."""


class CertificateReply(Reply):
    cert_base64: Annotated[str, Field(alias="certBase64", description="Base64 of the PEM file.")]


def download(call: Call) -> Answer:
    return Answer(
        content="".join(_authorities(call)).encode(),
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )


def of_cluster(call: Call) -> Answer:
    cluster = find_cluster(call)
    with call.services.database.read() as connection:
        kept = call.services.secrets.of_cluster(connection, cluster.id)
    pem = kept.get(AUTHORITY_CERTIFICATE)
    if pem is None or not cluster.spec.security.authority:
        raise Refused(
            "CSS.5090",
            "the cluster has no certificate: it is not in security mode, or not prepared yet",
        )
    return _encoded(pem)


def of_project(call: Call) -> Answer:
    return _encoded("".join(_authorities(call)))


def _authorities(call: Call) -> list[str]:
    with call.services.database.read() as connection:
        found = call.services.secrets.authorities_of_project(connection, call.project.id)
    if not found:
        raise NotFound("CSS.0016", "the project has no cluster in security mode")
    return [pem for _cluster_id, pem in found]


def _encoded(pem: str) -> Answer:
    return Answer(CertificateReply(cert_base64=base64.b64encode(pem.encode()).decode()))


OPERATIONS = [
    Operation(
        id="DownloadCert",
        method="GET",
        paths=("/v1.0/{project_id}/cer/download",),
        handler=download,
        summary="Download the authorities' certificates of the project's secured clusters (PEM).",
        action="css:cert:get",
        raw_answer="application/octet-stream",
        errors=("CSS.0016",),
    ),
    Operation(
        id="DownloadClusterCertLegacy",
        method="GET",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/sslCert",),
        handler=of_cluster,
        summary="The certificate of one cluster's authority, as older clients ask for it.",
        action="css:cert:get",
        answer=CertificateReply,
        errors=("CSS.0015", "CSS.5090"),
    ),
    Operation(
        id="DownloadCertLegacy",
        method="GET",
        paths=("/v1.0/dev/cluster/sslCert",),
        handler=of_project,
        summary="The authorities' certificates of the token's project, by the oldest path.",
        action="css:cert:get",
        answer=CertificateReply,
        errors=("CSS.0016",),
    ),
]
