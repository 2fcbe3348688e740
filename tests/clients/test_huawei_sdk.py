"""The official Huawei Cloud SDK, unmodified: it signs every request with an access key."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import openstack
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcss.v1 import (
    CreateClusterBackupStrategyBody,
    CreateClusterBody,
    CreateClusterInstanceBody,
    CreateClusterInstanceNicsBody,
    CreateClusterInstanceVolumeBody,
    CreateClusterReq,
    CreateClusterRequest,
    CssClient,
    DeleteClusterRequest,
    ListClustersDetailsRequest,
    ShowClusterDetailRequest,
)
from huaweicloudsdkcss.v1.region.css_region import CssRegion
from huaweicloudsdkiam.v3 import (
    CreateCredentialOption,
    CreatePermanentAccessKeyRequest,
    CreatePermanentAccessKeyRequestBody,
    CreateTemporaryAccessKeyByTokenRequest,
    CreateTemporaryAccessKeyByTokenRequestBody,
    DeletePermanentAccessKeyRequest,
    IamClient,
    IdentityToken,
    KeystoneListAuthDomainsRequest,
    ListPermanentAccessKeysRequest,
    TokenAuth,
    TokenAuthIdentity,
)
from tests.support.running import RunningService, getting_started

pytestmark = pytest.mark.clients

Client = TypeVar("Client", CssClient, IamClient)


@contextmanager
def connected(kind: type[Client], credentials: Any, **where: Any) -> Iterator[Client]:
    """A client whose connections are closed: warnings are errors here."""
    builder = kind.new_builder().with_http_config(HttpConfig.get_default_config())
    builder = builder.with_credentials(credentials)
    for name, value in where.items():
        builder = getattr(builder, f"with_{name}")(value)
    client = builder.build()
    try:
        yield client
    finally:
        client._http_client._session.close()


def basic(service: RunningService, *, project: bool = True) -> BasicCredentials:
    """The key of admin.json; without a project the SDK looks for one of the region's name."""
    admin = service.admin
    project_id = admin["project_id"] if project else None
    found = BasicCredentials(admin["access_key"], admin["secret_key"], project_id)
    return found.with_iam_endpoint(service.url)


def global_(service: RunningService) -> GlobalCredentials:
    admin = service.admin
    found = GlobalCredentials(admin["access_key"], admin["secret_key"])
    return found.with_iam_endpoint(service.url)


def region(service: RunningService) -> Region:
    return Region(service.admin["region"], service.url)


def create_request(name: str) -> CreateClusterRequest:
    wanted = getting_started(name, nodes=1)["cluster"]
    instance = wanted["instance"]
    nics = instance["nics"]
    return CreateClusterRequest(
        body=CreateClusterReq(
            cluster=CreateClusterBody(
                name=name,
                instance_num=1,
                backup_strategy=CreateClusterBackupStrategyBody(
                    period="16:00 GMT+08:00", prefix="snapshot", keepday=7
                ),
                instance=CreateClusterInstanceBody(
                    flavor_ref=instance["flavorRef"],
                    volume=CreateClusterInstanceVolumeBody(volume_type="COMMON", size=100),
                    nics=CreateClusterInstanceNicsBody(
                        vpc_id=nics["vpcId"],
                        net_id=nics["netId"],
                        security_group_id=nics["securityGroupId"],
                    ),
                ),
            )
        )
    )


@pytest.mark.filterwarnings("ignore:Method 'create_cluster':DeprecationWarning")
def test_a_cluster_is_made_shown_and_deleted(service: RunningService) -> None:
    with connected(CssClient, basic(service), endpoint=service.url) as css:
        made = css.create_cluster(create_request("signed")).cluster.id
        listed = css.list_clusters_details(ListClustersDetailsRequest(limit=10))
        assert made in [one.id for one in listed.clusters]
        deadline = time.monotonic() + 30
        shown = css.show_cluster_detail(ShowClusterDetailRequest(cluster_id=made))
        while shown.status != "200":
            assert time.monotonic() < deadline
            shown = css.show_cluster_detail(ShowClusterDetailRequest(cluster_id=made))
        css.delete_cluster(DeleteClusterRequest(cluster_id=made))


def test_without_a_project_id_the_project_of_the_regions_name_is_found(
    service: RunningService,
) -> None:
    with connected(CssClient, basic(service, project=False), region=region(service)) as css:
        css.list_clusters_details(ListClustersDetailsRequest())


def test_a_region_can_be_told_by_the_environment(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_REGION_CSS_LOCAL", service.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", service.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", service.admin["access_key"])
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", service.admin["secret_key"])
    with connected(CssClient, None, region=CssRegion.value_of("local")) as css:
        css.list_clusters_details(ListClustersDetailsRequest())


@pytest.mark.parametrize("project", [True, False])
def test_a_wrong_secret_is_refused_with_a_request_id(
    service: RunningService, project: bool
) -> None:
    wrong = replace_secret(service, "not-the-secret")
    credentials = basic(wrong, project=project)
    if not project:  # the SDK remembers projects by key and region
        where: dict[str, Any] = {"region": Region("elsewhere", service.url)}
    else:
        where = {"endpoint": service.url}
    with (
        pytest.raises(SdkException) as refused,
        connected(CssClient, credentials, **where) as css,
    ):
        css.list_clusters_details(ListClustersDetailsRequest())
    assert "verify aksk signature fail" in str(refused.value)
    if project:
        assert isinstance(refused.value, ClientRequestException)
        assert (refused.value.status_code, refused.value.error_code) == (401, "APIGW.0301")
        assert re.fullmatch("[0-9a-f]{32}", refused.value.request_id)


def replace_secret(service: RunningService, secret: str) -> RunningService:
    return replace(service, admin=service.admin | {"secret_key": secret})


def test_access_keys_are_managed_in_the_domain(service: RunningService) -> None:
    with connected(IamClient, global_(service), endpoint=service.url) as iam:
        domains = iam.keystone_list_auth_domains(KeystoneListAuthDomainsRequest()).domains
        assert [one.id for one in domains] == [service.admin["domain_id"]]
        listed = iam.list_permanent_access_keys(ListPermanentAccessKeysRequest()).credentials
        assert [one.access for one in listed] == [service.admin["access_key"]]
        option = CreateCredentialOption(user_id=listed[0].user_id, description="second")
        made = iam.create_permanent_access_key(
            CreatePermanentAccessKeyRequest(
                body=CreatePermanentAccessKeyRequestBody(credential=option)
            )
        ).credential
        assert (len(made.access), len(made.secret)) == (20, 40)
        iam.delete_permanent_access_key(DeletePermanentAccessKeyRequest(access_key=made.access))


@pytest.mark.filterwarnings(
    "ignore::openstack.warnings.RemovedInSDK60Warning",
    "ignore::openstack.warnings.RemovedInSDK50Warning",
)
def test_open_telekom_clouds_sdk_manages_keys_with_its_token(service: RunningService) -> None:
    """It signs nothing but object storage, so its keys are for others."""
    admin = service.admin
    cloud = openstack.connect(
        auth_url=admin["auth_url"],
        username=admin["user"],
        password=admin["password"],
        user_domain_name=admin["domain"],
        project_id=admin["project_id"],
        region_name=admin["region"],
        vendor_hook="otcextensions.sdk:load",
    )
    try:
        (first,) = cloud.identity.credentials()
        assert first.access == admin["access_key"]
        made = cloud.identity.create_credential(user_id=first.user_id, description="second")
        assert len(made.secret) == 40
        cloud.identity.delete_credential(made)
        temporary = cloud.identity.create_security_token(duration=900)
        assert temporary.security_token
    finally:
        cloud.close()


def test_a_temporary_key_works_like_a_permanent_one(service: RunningService) -> None:
    wanted = CreateTemporaryAccessKeyByTokenRequest(
        body=CreateTemporaryAccessKeyByTokenRequestBody(
            auth=TokenAuth(
                identity=TokenAuthIdentity(
                    methods=["token"],
                    token=IdentityToken(id=service.token(), duration_seconds=900),
                )
            )
        )
    )
    with connected(IamClient, global_(service), endpoint=service.url) as iam:
        made = iam.create_temporary_access_key_by_token(wanted).credential
    credentials = BasicCredentials(made.access, made.secret).with_security_token(made.securitytoken)
    credentials = credentials.with_iam_endpoint(service.url)
    with connected(CssClient, credentials, region=region(service)) as css:
        css.list_clusters_details(ListClustersDetailsRequest())
