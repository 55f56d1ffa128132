"""What `provision` needs to know of AWS beside Terraform: whose account it is, and how one reaches a new machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.stufpack_http import StufError

Values = Mapping[str, Any]  # terraform.tfvars.json
Output = Mapping[str, Any]  # the output `inventory`
_INSTANCE = re.compile(r"i-[0-9a-f]{8,40}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,512}")
# What Session Manager takes here, how each tells its version, and the oldest that will do (manifest.json, tools).
_TOOLS = {
    "aws": (re.compile(r"aws-cli/([0-9.]+)"), "2.0"),
    "session-manager-plugin": (re.compile(r"([0-9][0-9.]*)"), "1.2.764.0"),
}
# Of instances that do not tell their console at any time, but once after the boot.
_NOT_NOW = ("UnsupportedOperation", "InvalidParameterCombination")


def check(values: Values) -> list[str]:
    """Whose account the credentials are of, in words; raises `StufError` where it is another, or something lacks."""
    if _by_session_manager(values):
        missing = [name for name in _TOOLS if shutil.which(name) is None]
        older = [text for name in _TOOLS if name not in missing and (text := _too_old(name))]
        said = [f"not found on PATH: {' and '.join(missing)}"] * bool(missing) + older
        if said:
            raise StufError(
                f"{'; '.join(said)}. No network is listed for SSH, so Session Manager is the "
                "way in. Next: install it, or ask for a package whose target lists your network in allow.ssh"
            )
    found = _ask("sts", values, "get_caller_identity")
    account, wanted = str(found["Account"]), str(values.get("account_id", ""))
    if wanted not in ("", account):
        raise StufError(f"the credentials are of account {account}, and the target names {wanted}")
    return [f"account {account}, region {values['region']}, as {found['Arn']}"]


def console(values: Values, output: Output) -> str:
    """What the machine has shown so far since its boot."""
    instance = _instance(output)
    try:
        found = _ask("ec2", values, "get_console_output", InstanceId=instance, Latest=True)
    except StufError as error:
        if not str(error).startswith(_NOT_NOW):
            raise
        found = _ask("ec2", values, "get_console_output", InstanceId=instance)
    return str(found.get("Output", ""))


def way_in(values: Values, output: Output) -> str | None:
    """The command through which SSH goes, where no port is open for it; ssh fills in the port."""
    if not _by_session_manager(values):
        return None
    region = str(output["region"])
    if not _REGION.fullmatch(region):
        raise StufError(f"{region!r} is no region")
    return (
        f"aws ssm start-session --region {region} --target {_instance(output)}"
        " --document-name AWS-StartSSHSession --parameters portNumber=%p"
    )


def by_hand(values: Values, output: Output) -> str:
    """How a person reads host keys that the console does not show, by a way that needs none of them."""
    region, instance = f"--region {output['region']}", output["instance_id"]
    if values.get("session_manager", True):
        return f"aws ssm start-session {region} --target {instance}, and there: cat /etc/ssh/ssh_host_*_key.pub"
    return f"aws ec2 get-console-output {region} --instance-id {instance} --output text, once it is shown there"


def left(values: Values, output: Output) -> list[str]:
    """What nobody but a person does, now that everything is there."""
    user = output["storage"]["user"]
    secrets = "the secrets storage_access_key and storage_secret_key"
    told = [f"by hand, once: aws iam create-access-key --user-name {user}, for {secrets}"]
    if output.get("database") is not None:
        told.append(_password(str(output["region"]), str(output["database"]["secret_arn"])))
    if not output["dns_is_set"]:
        told.append(f"by hand: let {values['domain']} lead to {output['address']} (record A, where your zone is kept)")
    return told


def _password(region: str, secret: str) -> str:
    """How the password that RDS made for the database's administrator gets to where `deploy` reads it."""
    if not _SECRET.fullmatch(secret):
        raise StufError(f"{secret!r} is no secret of Secrets Manager")
    read = "import json, sys; print(json.load(sys.stdin)['password'])"
    return (
        "by hand, before deploy, in the state folder: (umask 077; aws secretsmanager get-secret-value "
        f"--region {region} --secret-id '{secret}' --query SecretString --output text | "
        f'python3 -c "{read}" >secrets/database_administrator)'
    )


def _by_session_manager(values: Values) -> bool:
    return bool(values.get("session_manager", True)) and not values.get("ssh_cidrs")


def _too_old(name: str) -> str | None:
    """What is wrong with the version of a tool that is there; `None` where it will do."""
    form, oldest = _TOOLS[name]
    try:
        done = subprocess.run(
            [name, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        found = form.match(done.stdout.strip())
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        found = None
    if found is None:
        return f"{name} does not tell its version; {oldest} or newer is needed"
    return None if _parts(found[1]) >= _parts(oldest) else f"{name} is {found[1]}; {oldest} or newer is needed"


def _parts(version: str) -> tuple[int, ...]:
    """A version to be compared by number and part: 1.2.1000.0 is newer than 1.2.764.0, and 1.2 is 1.2.0.0."""
    return tuple(int(part or 0) for part in (version.split(".") + ["0"] * 4)[:4])


def _instance(output: Output) -> str:
    instance = str(output["instance_id"])
    if not _INSTANCE.fullmatch(instance):
        raise StufError(f"{instance!r} is no instance")
    return instance


def _ask(service: str, values: Values, call: str, **given: Any) -> dict[str, Any]:
    """One answer of AWS; an error begins with AWS's own word for it."""
    # Not above: only a controller whose target is here has a use for it.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    patience = Config(connect_timeout=10, read_timeout=30, retries={"max_attempts": 4, "mode": "standard"})
    try:
        client = boto3.client(service, region_name=str(values["region"]), config=patience)
        found: dict[str, Any] = getattr(client, call)(**given)
    except ClientError as error:
        told = error.response.get("Error", {})
        what = f"{told.get('Code', 'unknown')}, AWS said to {service} {call}: {told.get('Message', '')}"
        raise StufError(what) from error
    except BotoCoreError as error:
        raise StufError(f"AWS was not asked for {service} {call}: {error}") from error
    return found
