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
    "CSS.0066": Code(400, "The password breaks the rules."),
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
    "CSS.0076": Code(400, "The node type is wrong."),
    "CSS.0077": Code(400, "The cluster is being scaled."),
    "CSS.5042": Code(400, "The instance does not exist."),
    "CSS.5073": Code(400, "The kind of what is restarted is wrong."),
    "CSS.5095": Code(400, "The disk of these nodes cannot grow."),
    "CSS.5134": Code(400, "The number of masters is not allowed."),
    "CSS.5140": Code(400, "The cluster's make-up does not allow this operation."),
    "IAM.0001": Code(401, "The user is not proven."),
    "IAM.0002": Code(403, "The user may not do this."),
    "IAM.0004": Code(404, "There is no such thing."),
    "IAM.0006": Code(500, "The service failed."),
    "IAM.0009": Code(400, "A header is missing."),
    "IAM.0011": Code(400, "The body is empty."),
    "IAM.0072": Code(400, "A field is missing."),
    "IAM.0073": Code(400, "A field is wrong."),
    "APIGW.0101": Code(404, "There is no such API or method."),
    "APIGW.0201": Code(413, "The request is too large."),
    "APIGW.0202": Code(431, "The request headers are too large."),
    "APIGW.0301": Code(401, "Incorrect IAM authentication information."),
    "APIGW.0302": Code(403, "The user is not authorised for this project."),
    "APIGW.0308": Code(429, "Too many requests."),
    "APIGW.0613": Code(503, "A part of the service does not answer."),
}

COMMON = ("CSS.0001", "APIGW.0201", "APIGW.0202", "APIGW.0308", "APIGW.0613")
"""What any operation may answer."""

AUTHENTICATED = ("APIGW.0301", "APIGW.0302", "CSS.0051")
"""What any operation that needs a credential may answer besides."""
