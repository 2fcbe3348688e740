"""Error codes of the public API: HTTP status and meaning.

Source: the error tables of the public API references. Only codes that something here raises are
listed, and a test holds the two against each other. The meanings are ours; a message is the code,
its meaning, and the detail in brackets.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    status: int
    meaning: str


CODES: dict[str, Code] = {
    "CSS.0001": Code(400, "A parameter is wrong."),
    "CSS.0005": Code(500, "The service failed."),
    "CSS.0006": Code(400, "The body is empty."),
    "CSS.0015": Code(404, "The cluster does not exist or is not yours."),
    "CSS.0016": Code(404, "The resource does not exist."),
    "CSS.0050": Code(400, "The admin password breaks the rules."),
    "CSS.0051": Code(403, "The policy does not allow this operation."),
    "CSS.0052": Code(400, "The project's quota of vCPU is used up."),
    "CSS.0053": Code(400, "The project's quota of nodes is used up."),
    "CSS.0054": Code(400, "The project's quota of memory is used up."),
    "CSS.0055": Code(400, "The project's quota of disks is used up."),
    "CSS.0060": Code(400, "The project's quota of disk capacity is used up."),
    "CSS.0066": Code(400, "The password breaks the rules."),
    "CSS.1112": Code(400, "The project's quota of clusters is used up."),
    "CSS.2026": Code(400, "The password is too weak."),
    "CSS.3011": Code(400, "The retention is outside 1 to 90."),
    "CSS.5002": Code(400, "The engine type is unknown."),
    "CSS.5003": Code(400, "The engine version is unknown."),
    "CSS.5007": Code(400, "The flavor does not exist."),
    "CSS.5008": Code(400, "The disk type is not valid."),
    "CSS.5009": Code(400, "The disk size is outside the flavor's range."),
    "CSS.5018": Code(400, "The time of the automatic backup is not a whole hour with its zone."),
    "CSS.5021": Code(400, "The VPC is missing."),
    "CSS.5022": Code(400, "The subnet is missing."),
    "CSS.5023": Code(400, "The security group is missing."),
    "CSS.5033": Code(400, "The disk size is not a multiple of 4 and 10."),
    "CSS.5036": Code(400, "The datastore does not exist."),
    "CSS.5038": Code(400, "A parameter is out of range."),
    "CSS.5044": Code(400, "The snapshot prefix is wrong."),
    "CSS.5046": Code(400, "The network is missing."),
    "CSS.5047": Code(400, "The number of nodes is not allowed."),
    "CSS.5049": Code(400, "The cluster name is wrong."),
    "CSS.5050": Code(400, "The cluster name is taken."),
    "CSS.5052": Code(400, "The availability zone is wrong."),
    "CSS.5056": Code(400, "A text is too long."),
    "CSS.5090": Code(400, "The state does not allow this operation."),
    "CSS.5137": Code(400, "A tag key is wrong."),
    "CSS.5138": Code(400, "A tag value is wrong."),
    "CSS.5169": Code(400, "This version has no security mode."),
    "CSS.5171": Code(400, "HTTPS needs the security mode."),
    "CSS.5172": Code(400, "There are fewer nodes than availability zones."),
    "CSS.5178": Code(400, "The time zone is wrong."),
    "CSS.0023": Code(419, "The host is short of resources."),
    "IAM.0001": Code(401, "The user is not proven."),
    "IAM.0002": Code(403, "The user may not do this."),
    "IAM.0004": Code(404, "There is no such thing."),
    "IAM.0005": Code(409, "There is one already."),
    "IAM.0006": Code(500, "The service failed."),
    "IAM.0009": Code(400, "A header is missing."),
    "IAM.0011": Code(400, "The body is empty."),
    "IAM.0072": Code(400, "A field is missing."),
    "IAM.0073": Code(400, "A field is wrong."),
    "1103": Code(400, "The present password is wrong."),
    "1107": Code(400, "The last administrator stays."),
    "1108": Code(400, "The new password is the present one."),
    "1118": Code(400, "The password breaks the domain's rules."),
    # Policy documents: the codes and limits of the error table in the public IAM API reference.
    "IAM.1001": Code(400, "The display name is empty."),
    "IAM.1002": Code(400, "The display name is longer than 64 characters."),
    "IAM.1003": Code(400, "The display name has a wrong character."),
    "IAM.1009": Code(400, "The type is neither AX nor XA."),
    "IAM.1018": Code(400, "The description is wrong."),
    "IAM.1020": Code(400, "The policy is no object."),
    "IAM.1021": Code(400, "The policy is too long."),
    "IAM.1024": Code(400, "The version of the policy is not 1.1."),
    "IAM.1025": Code(400, "The policy depends on others."),
    "IAM.1027": Code(400, "The policy has no list of statements."),
    "IAM.1028": Code(400, "The number of statements is outside 1 to 8."),
    "IAM.1029": Code(400, "The effect is neither Allow nor Deny."),
    "IAM.1030": Code(400, "The actions are no list."),
    "IAM.1031": Code(400, "A statement has Action and NotAction."),
    "IAM.1033": Code(400, "A statement has more than 100 actions."),
    "IAM.1034": Code(400, "An action is longer than 128 characters."),
    "IAM.1035": Code(400, "An action is not service:type:verb."),
    "IAM.1040": Code(400, "The number of resources is outside 1 to 10."),
    "IAM.1041": Code(400, "A resource is empty."),
    "IAM.1042": Code(400, "A resource is longer than 1500 characters."),
    "IAM.1047": Code(400, "A resource is not service:region:domain:type:id."),
    "IAM.1049": Code(400, "The resources are no list."),
    "IAM.1050": Code(400, "The number of conditions is outside 1 to 10."),
    "IAM.1051": Code(400, "The operator of a condition is not known here."),
    "IAM.1052": Code(400, "The key of a condition is not known here."),
    "IAM.1053": Code(400, "The values of a condition are no list."),
    "IAM.1054": Code(400, "The number of values of a condition is outside 1 to 10."),
    "IAM.1055": Code(400, "The key and the operator of a condition do not fit."),
    "IAM.1056": Code(400, "A value of a condition is empty or longer than 1024 characters."),
    "IAM.1057": Code(400, "A value of a condition is wrong."),
    "IAM.1059": Code(400, "A statement has a field that is not known."),
    "APIGW.0101": Code(404, "There is no such API or method."),
    "APIGW.0201": Code(413, "The request is too large."),
    "APIGW.0202": Code(431, "The request headers are too large."),
    "APIGW.0203": Code(414, "The URL is too long."),
    "APIGW.0204": Code(408, "The request did not arrive in time."),
    "APIGW.0301": Code(401, "Incorrect IAM authentication information."),
    "APIGW.0302": Code(403, "The user is not authorised for this project."),
    "APIGW.0308": Code(429, "The throttling threshold has been reached."),
    "APIGW.0602": Code(400, "This is no request."),
    "APIGW.0613": Code(503, "A part of the service does not answer."),
}

COMMON = (
    "CSS.0001",
    "APIGW.0201",
    "APIGW.0202",
    "APIGW.0203",
    "APIGW.0204",
    "APIGW.0308",
    "APIGW.0613",
)
"""What any operation may answer."""

AUTHENTICATED = ("APIGW.0301", "APIGW.0302", "CSS.0051")
"""What any operation that needs a credential may answer besides."""
