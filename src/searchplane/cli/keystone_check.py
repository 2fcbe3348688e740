"""Doctor's look at an external Keystone: everything that a check of a token needs, tried once."""

from __future__ import annotations

import asyncio
import shlex

from searchplane.cli.checks import Finding, Verdict
from searchplane.errors import Permanent
from searchplane.iam.keystone import SERVICE_TYPE, Denied, Keystone, Trouble
from searchplane.iam.keystone_account import Account, account, role_map
from searchplane.settings import Settings

NAME = "keystone"


def look(settings: Settings) -> Finding:
    """Log in with the service's account, check a token, and find the service's own entry."""
    try:
        role_map(settings)
        chosen = account(settings)
    except Permanent as error:
        return Finding(NAME, Verdict.PROBLEM, str(error))
    try:
        is_listed = asyncio.run(_look(chosen))
    except Denied as trouble:
        return Finding(NAME, Verdict.PROBLEM, str(trouble), _grant(chosen))
    except Trouble as trouble:
        return Finding(NAME, Verdict.PROBLEM, str(trouble), f"curl -fsS {shlex.quote(chosen.url)}")
    if not is_listed:
        sentence = (
            f"{chosen} checks tokens, but its catalogue has no {SERVICE_TYPE!r}: clients do not "
            "find this service"
        )
        return Finding(NAME, Verdict.WARNING, sentence, entry(settings))
    return Finding(NAME, Verdict.OK, f"{chosen} checks tokens and lists this service")


def entry(settings: Settings) -> str:
    """The command that makes the service and its endpoint known to clients."""
    region, url = shlex.quote(settings.region), f"{settings.base_url}/v1.0/%(project_id)s"
    return (
        f"openstack service create --name {SERVICE_TYPE} {SERVICE_TYPE} && "
        f"openstack endpoint create --region {region} {SERVICE_TYPE} public {shlex.quote(url)}"
    )


def _grant(chosen: Account) -> str:
    words = (
        *("--user", chosen.user, "--user-domain", chosen.user_domain),
        *("--project", chosen.project, "--project-domain", chosen.project_domain),
    )
    return shlex.join(("openstack", "role", "add", *words, "service"))


async def _look(chosen: Account) -> bool:
    async with Keystone.open(chosen) as keystone:
        return await keystone.knows_service()
