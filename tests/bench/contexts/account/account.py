"""The customer's account at Amazon: moto, and what a deployment meets there that moto does not have.

- What a machine prints at its first boot is what stands in a file; moto prints the same old kernel for all.
- The one public address that is to be had is the bench's server's.
- Of a bucket's policy against whoever comes without TLS nobody hears, since nothing but TLS is listened to here; moto
  would turn everybody away, as it asks no condition of a denial.
- Who may list a bucket may ask whether it is there; moto wants a right for that which Amazon does not know.
- Metadata in UTF-8 is signed as the bytes that are sent; moto takes each of them for a character of its own.
- A machine has what it was asked for with; moto forgets the groups of its interface, and that it is not to be ended.
"""

import os
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult  # type: ignore[import-not-found,unused-ignore]
from moto.core.utils import utcnow  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.models.elastic_ip_addresses import ElasticAddress  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.responses.general import General  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.responses.instances import InstanceResponse  # type: ignore[import-not-found,unused-ignore]
from moto.ec2.utils import Base64EncodedString  # type: ignore[import-not-found,unused-ignore]
from moto.iam.access_control import (  # type: ignore[import-not-found,unused-ignore]
    IAMPolicyStatement,
    IAMRequestBase,
    PermissionResult,
)
from moto.server import main  # type: ignore[import-not-found,unused-ignore]

#: Written by whoever has the machine; until then it has printed nothing.
CONSOLE = Path("/console")
WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}
_sign = IAMRequestBase._create_headers_for_aws_request
_decide = IAMPolicyStatement.is_action_permitted
_make = ElasticAddress.__init__
_run = InstanceResponse.run_instances


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
    """The only address there is."""
    _make(self, ec2_backend, domain, address or os.environ["ADDRESS"], tags)


def run_instances(self: InstanceResponse) -> ActionResult:
    """A machine has the groups of its first interface, and is kept from being ended where that was asked for."""
    made = _run(self)
    for instance in made.result.instances:
        instance.security_groups = list(instance.nics[0].group_set)
        instance.disable_api_termination = self._get_bool_param("DisableApiTermination", False)
    return made


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
IAMPolicyStatement.is_action_permitted = decide
IAMRequestBase._create_headers_for_aws_request = staticmethod(signed_headers)

if __name__ == "__main__":
    main(["--host", "0.0.0.0", "--port", "443", "--ssl-cert", "/tls.crt", "--ssl-key", "/tls.key"])
