"""An account at Amazon: moto, mended where Terraform, a deployment or its content would meet something else than AWS.

The one stand-in for both the bench, in whose image it is, and the tests of the Terraform of providers. The gaps of moto
5.2.5, each mended below:

- What a machine prints at its first boot is what stands in a file; moto prints the same old kernel for all.
- A machine has what it was asked for with; moto forgets that it is not to be ended, and the groups of an interface of
  its own, which the provider of Terraform gives it as soon as a public address is refused. Each later plan would add
  both once more.
- A zone's id begins with Z; moto's begins with anything, which the module refuses.
- A bucket's policy against whoever comes without TLS denies nothing to the others; moto turns everybody away, as it
  asks no condition of a denial. Where it listens without TLS, no test asks for that policy's effect.
- Who may list a bucket may ask whether it is there; moto wants a right for that which Amazon does not know.
- A parameter of a database that was set says so, as the provider of Terraform takes one without a source for none of
  its own; and a rule that names another group has its description, which moto tells of networks alone.
- Metadata in UTF-8 is signed as the bytes that are sent; moto takes each of them for a character of its own.

And one thing that is no gap: where there is but one public address, which $ADDRESS names, it is the one to be had.

usage: account.py CONSOLE WORDS; CONSOLE is the file, WORDS are moto's own and say where it listens. $MOTO_AMIS_PATH
names the images that can be had, `images.json`.
"""

import os
import sys
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult  # type: ignore[import-not-found,unused-ignore]
from moto.core.utils import utcnow  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.models.elastic_ip_addresses import ElasticAddress  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.models.security_groups import SecurityGroupRule  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.responses.general import General  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.responses.instances import InstanceResponse  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.utils import Base64EncodedString  # type: ignore[import-not-found,unused-ignore]
from moto.iam.access_control import (  # type: ignore[import-not-found,unused-ignore]
    IAMPolicyStatement,
    IAMRequestBase,
    PermissionResult,
)
from moto.rds.models import DBParameterGroup  # type: ignore[import-not-found,unused-ignore]
from moto.route53 import models as route53  # type: ignore[import-not-found,unused-ignore]
from moto.server import main  # type: ignore[import-not-found,unused-ignore]

#: Written by whoever has the machine; until then it has printed nothing.
CONSOLE = Path(sys.argv[1])
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}
_sign = IAMRequestBase._create_headers_for_aws_request
_decide = IAMPolicyStatement.is_action_permitted
_make = ElasticAddress.__init__
_run = InstanceResponse.run_instances
_set = DBParameterGroup.update_parameters
_name = route53.create_route53_zone_id


def get_console_output(self: General) -> ActionResult:
    """What the machine has printed; of one that has just begun, nothing."""
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    told = {"InstanceId": instance.id, "Timestamp": utcnow()}
    if CONSOLE.exists():
        told["Output"] = Base64EncodedString.from_raw_string(CONSOLE.read_bytes().decode())
    return ActionResult(told)


def make_address(
    self: ElasticAddress, ec2_backend: Any, domain: str, address: str | None = None, tags: dict[str, str] | None = None
) -> None:
    """The only address there is, where there is only one."""
    _make(self, ec2_backend, domain, address or os.environ.get("ADDRESS"), tags)


def run_instances(self: InstanceResponse) -> ActionResult:
    """A machine has the groups of its first interface, and is kept from being ended where that was asked for."""
    made = _run(self)
    for instance in made.result.instances:
        instance.security_groups = list(instance.nics[0].group_set)
        instance.disable_api_termination = self._get_bool_param("DisableApiTermination", False)
    return made


def describe(self: SecurityGroupRule) -> Any:
    """The description of a rule, whomever it names."""
    return self.ip_range.get("Description") or self.source_group.get("Description")


def set_parameters(self: DBParameterGroup, parameters: list[dict[str, Any]]) -> None:
    """A parameter that was set says who did."""
    _set(self, [{**parameter, "Source": "user"} for parameter in parameters])


def name_zone(*given: Any, **named: Any) -> str:
    """An id as Amazon's are."""
    return "Z" + str(_name(*given, **named))[1:]


def decide(self: IAMPolicyStatement, action: str, *given: Any, **named: Any) -> PermissionResult:
    """A statement about those who come without TLS says nothing of those who do not."""
    if self._statement.get("Condition") == WITHOUT_TLS:
        return PermissionResult.NEUTRAL
    return _decide(self, "s3:ListBucket" if action == "s3:HeadBucket" else action, *given, **named)


def signed_headers(names: list[str], given: dict[str, str]) -> dict[str, str]:
    """The text that was signed, of bytes that the server hands on as Latin-1."""
    signed: dict[str, str] = _sign(names, given)
    return {name: text.encode("latin-1").decode() for name, text in signed.items()}


General.get_console_output = get_console_output
ElasticAddress.__init__ = make_address
InstanceResponse.run_instances = run_instances
SecurityGroupRule.description = property(describe)
DBParameterGroup.update_parameters = set_parameters
route53.create_route53_zone_id = name_zone
IAMPolicyStatement.is_action_permitted = decide
IAMRequestBase._create_headers_for_aws_request = staticmethod(signed_headers)

if __name__ == "__main__":
    main(sys.argv[2:])
