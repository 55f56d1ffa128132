"""moto as a stand-in for AWS: `server.py PORT CONSOLE`, mended where it answers otherwise than AWS would.

CONSOLE is a file with what every machine has shown so far.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import Base64EncodedString
from moto.route53 import models as route53
from moto.server import main

ZONE = route53.create_route53_zone_id
RUN = InstanceBackend.run_instances
ASKED = InstanceResponse.run_instances


def run_instances(backend: Any, *words: Any, **given: Any) -> Any:
    """Where a machine is made with an interface of its own, the groups of that are the machine's, as at AWS.

    The provider of Terraform gives it one as soon as a public address is refused. moto then keeps the groups at the
    interface and tells none for the machine, so that each later plan would add them once more.
    """
    for interface in given.get("nics", ()):
        if int(interface.get("DeviceIndex", 0)) == 0:
            given["security_group_ids"] = [*given.get("security_group_ids", ()), *interface.pop("Groups", ())]
    return RUN(backend, *words, **given)


def asked_to_run(response: Any) -> Any:
    """A machine that is made with a guard against its end has it, which moto reads in a later change alone."""
    backend, guarded = response.ec2_backend, response._get_param("DisableApiTermination") is True
    before = {one.id for one in backend.all_instances()}
    answer = ASKED(response)
    for one in backend.all_instances():
        if one.id not in before:
            one.disable_api_termination = guarded
    return answer


def zone_id(*words: Any, **given: Any) -> str:
    """AWS's own begin so, and the module refuses what does not."""
    return "Z" + str(ZONE(*words, **given))[1:]


def get_console_output(response: Any) -> Any:
    """What the machine has shown, instead of a kernel of 2006."""
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    shown = Path(sys.argv[2]).read_text(encoding="utf-8")
    return ActionResult({"InstanceId": instance.id, "Output": Base64EncodedString.from_raw_string(shown)})


if __name__ == "__main__":
    InstanceBackend.run_instances = run_instances
    InstanceResponse.run_instances = asked_to_run
    route53.create_route53_zone_id = zone_id
    General.get_console_output = get_console_output
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
