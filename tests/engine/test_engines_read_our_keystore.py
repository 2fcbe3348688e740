"""The keystore that we write is one to real engines: they read it, and leave it as it is.

CI takes one engine, another every day.
"""

from __future__ import annotations

import pytest
from engine_nodes import launched, wait_until_joined
from tests.support.rotation import in_rotation

from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_19_1,
    Engine,
)
from searchplane.engine.keystore import file_name, keystore
from searchplane.engine.service import Distributions
from searchplane.engine.throwaway import free_address

pytestmark = pytest.mark.engine

KNOWN = {"reindex.ssl.secure_key_passphrase": "secret of ours"}
"""Of a module that every engine here has; an engine refuses to start with a secret it has no use
for, and with a file it cannot read."""


@pytest.mark.parametrize(
    "engine",
    in_rotation("keystore", [ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, OPENSEARCH_2_19_1]),
    ids=str,
)
def test_a_node_starts_with_our_keystore(engine: Engine, distributions: Distributions) -> None:
    installation = distributions.install(engine, secured=False)
    name, content = file_name(engine.family), keystore(engine.family, KNOWN)
    with launched(installation, 0, [free_address()], files={name: content}) as node:
        wait_until_joined(node, 1)
        assert (node.folder / "config" / name).read_bytes() == content
