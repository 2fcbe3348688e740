"""Policy documents: what is read, what is refused and why, and that writing gives it back."""

from __future__ import annotations

from typing import Any

import pytest

from searchplane.domain.policy_documents import read_document, stored_document, write_document
from searchplane.errors import Refused

RICH = {
    "Version": "1.1",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["css:cluster:create", "css:*:get*"],
            "Resource": ["css:*:*:cluster:*"],
            "Condition": {
                "StringEquals": {"g:ProjectName": ["local"], "g:UserName": ["ann", "bob"]},
                "DateLessThan": {"g:CurrentTime": ["2027-01-01T00:00:00Z"]},
            },
        },
        {"Effect": "Deny", "NotAction": ["css:cluster:*"]},
        {
            "Effect": "Allow",
            "Action": ["iam:tokens:assume"],
            "Resource": {"uri": ["/iam/agencies/0a1b2c"]},
        },
    ],
}


def statement(**changed: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": ["css:cluster:list"]} | changed


def document(**changed: Any) -> dict[str, Any]:
    return {"Version": "1.1", "Statement": [statement(**changed)]}


def condition(operator: str, key: str, *values: object) -> dict[str, Any]:
    return document(Condition={operator: {key: list(values)}})


def test_a_document_is_written_as_it_was_read() -> None:
    assert write_document(read_document(RICH)) == RICH


def test_a_stored_document_is_the_same_policy() -> None:
    assert stored_document(RICH) == read_document(RICH)


def test_effects_and_keys_are_read_without_case() -> None:
    read = read_document(document(Effect="deny", Condition={"IpAddress": {"G:sourceIP": ["::/0"]}}))
    assert write_document(read)["Statement"][0]["Effect"] == "Deny"
    assert write_document(read)["Statement"][0]["Condition"] == {
        "IpAddress": {"g:SourceIp": ["::/0"]}
    }


LONG = "css:cluster:" + "a" * 117


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (None, "IAM.1020", "policy"),
        ([], "IAM.1020", "policy"),
        (document(Action=[f"css:cluster:a{n:0120}" for n in range(60)]), "IAM.1021", "6144"),
        (document() | {"Version": "1.0"}, "IAM.1024", "'1.0'"),
        (document() | {"Version": 1.1}, "IAM.1024", "'1.1' is right"),
        ({"Statement": [statement()]}, "IAM.1024", "Version"),
        (document() | {"Depends": [{"catalog": "BASE"}]}, "IAM.1025", "Depends"),
        ({"Version": "1.1"}, "IAM.1027", "Statement"),
        ({"Version": "1.1", "Statement": ["x"]}, "IAM.1027", "Statement.0"),
        ({"Version": "1.1", "Statement": []}, "IAM.1028", "1 to 8"),
        ({"Version": "1.1", "Statement": [statement()] * 9}, "IAM.1028", "1 to 8"),
        (document(Effect="Maybe"), "IAM.1029", "'Maybe'"),
        (document(Effect=None), "IAM.1029", "Allow and Deny"),
        (document(Action="css:cluster:list"), "IAM.1030", "a list"),
        (document(Action=[]), "IAM.1030", "a list"),
        ({"Version": "1.1", "Statement": [{"Effect": "Allow"}]}, "IAM.1030", "Action"),
        (document(NotAction=["css:cluster:list"]), "IAM.1031", "one of them"),
        (document(Action=["css:a:b"] * 101), "IAM.1033", "101 actions"),
        (document(Action=[LONG]), "IAM.1034", "128"),
        (document(Action=["CSS:cluster:list"]), "IAM.1035", "lower case"),
        (document(Action=["css:cluster"]), "IAM.1035", "'css:cluster'"),
        (document(Action=["css:cluster:list:x"]), "IAM.1035", "service:type:verb"),
        (document(Action=["css:cluster:[a-z]"]), "IAM.1035", "service:type:verb"),
        (document(Action=["css:cluster:list\n"]), "IAM.1035", "service:type:verb"),
        (document(Action=["*"]), "IAM.1035", "service:type:verb"),
        (document(Action=[7]), "IAM.1035", "7"),
        (document(Resource=[]), "IAM.1040", "1 to 10"),
        (document(Resource=["css:*:*:cluster:*"] * 11), "IAM.1040", "1 to 10"),
        (document(Resource=[" "]), "IAM.1041", "service:region"),
        (document(Resource=["css:*:*:cluster:" + "a" * 1500]), "IAM.1042", "1500"),
        (document(Resource=["cluster"]), "IAM.1047", "'cluster'"),
        (document(Resource={"uri": ["/obs/x"]}), "IAM.1047", "/iam/agencies/"),
        (document(Resource="css:*:*:cluster:*"), "IAM.1049", "a list"),
        (document(Resource=None), "IAM.1049", "a list"),
        (document(Condition={}), "IAM.1050", "1 to 10"),
        (document(Condition=[]), "IAM.1050", "1 to 10"),
        (
            document(
                Condition={
                    f"String{a}": {"g:UserId": ["x"], "g:UserName": ["x"]}
                    for a in ("Equals", "Like", "StartWith", "EndWith", "NotEquals", "NotLike")
                }
            ),
            "IAM.1050",
            "1 to 10",
        ),
        (document(Condition={"StringEquals": []}), "IAM.1051", "StringEquals"),
        (condition("NumericLessThan", "g:UserName", "1"), "IAM.1051", "NumericLessThan"),
        (condition("ForAnyValue:StringEquals", "g:UserName", "1"), "IAM.1051", "ForAnyValue"),
        (condition("StringEquals", "g:Shoe", "1"), "IAM.1052", "g:UserName"),
        (condition("StringEquals", "g:CurrentTime", "1"), "IAM.1055", "g:CurrentTime"),
        (condition("Bool", "g:SourceIp", "true"), "IAM.1055", "g:MFAPresent"),
        (document(Condition={"Bool": {"g:MFAPresent": "true"}}), "IAM.1053", "a list of texts"),
        (condition("StringEquals", "g:UserName"), "IAM.1054", "1 to 10"),
        (condition("StringEquals", "g:UserName", *"abcdefghijk"), "IAM.1054", "1 to 10"),
        (condition("StringEquals", "g:UserName", ""), "IAM.1056", "1 to 1024"),
        (condition("StringEquals", "g:UserName", 7), "IAM.1056", "1 to 1024"),
        (condition("StringEquals", "g:UserName", "a\0"), "IAM.1057", "text"),
        (condition("DateLessThan", "g:CurrentTime", "tomorrow"), "IAM.1057", "2026-01-31"),
        (condition("DateLessThan", "g:CurrentTime", "2027-01-01T00:00:00"), "IAM.1057", "time"),
        (condition("IpAddress", "g:SourceIp", "10.0.0.0/99"), "IAM.1057", "network"),
        (condition("Bool", "g:MFAPresent", "yes"), "IAM.1057", "true or false"),
        (document(Principal="*"), "IAM.1059", "Principal"),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(wrong: object, code: str, says: str) -> None:
    with pytest.raises(Refused) as caught:
        read_document(wrong)
    assert caught.value.code == code
    assert says in caught.value.detail
