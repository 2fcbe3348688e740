"""A running service counts logins for the address of the connection."""

from __future__ import annotations

import httpx
from sqlalchemy import select
from tests.cli.services import Served

from searchplane.store.schema import login_attempts


def test_a_forged_header_is_not_believed(service: Served) -> None:
    user = {"name": "admin", "password": "wrong", "domain": {"name": "local"}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    url = f"{service.service.settings.base_url}/v3/auth/tokens"
    assert httpx.post(url, json=body, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401
    with service.service.services.database.read() as connection:
        sources = connection.execute(select(login_attempts.c.source)).scalars().all()
    assert sorted(sources) == ["", "127.0.0.1"]
