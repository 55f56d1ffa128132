"""The second installation of the bench: examples/acme, moved to an account at Amazon with the commands of its plan.

There is no hosted STUF: what its operator would hand over, an export and a key that reads, is made here. The machine
that Terraform asks for is the bench's server, which runs before, as none can be made from within the account.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import authority, disk, engine, hosted, mails, network, server, source
from .account import REGION, SESSION_MANAGER, Account
from .deployment import STATE, Deployment, Run, plan, program, unpack
from .engine import locked
from .names import ACME_DOMAIN, LAPTOP, MAIL_PASSWORD, SERVER, SOURCE
from .paths import REPOSITORY, digest_of, instance_folder
from .shell import BenchError, run
from .target import make_issuer, target_at_amazon
from .terraform import shown_on_the_laptop

EXAMPLE = REPOSITORY / "examples" / "acme" / "export"
REQUIREMENTS = REPOSITORY / "templates" / "infrastructure" / "controller" / "requirements.txt"
CHANGES = Path(__file__).resolve().parent / "architect" / "held_override.tf"
PACKAGE = f"{server.HOME}/package/acme"
OWN = f"{STATE}/acme-production"
#: Debian's own account in its images for Amazon.
USER = "admin"
#: What people named their files: text that is code elsewhere, and letters of every kind.
NAMES = ("report (final) #2.pdf", "Länge;Breite.csv", "a b+c%20d.txt", "صورة.jpg", "$(id) `id` ${HOME}.txt")
#: What a serial console shows around the keys.
CONSOLE = """[    0.000000] Linux version 6.12.48+deb13-cloud-amd64 (debian-kernel@lists.debian.org)
[    4.310921] cloud-init[612]: Cloud-init v. 25.1.4 running 'modules:final'
<14>{month} cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>{month} cloud-init: 256 SHA256:x8Yv4m9w2S1jzB0rA1Jc0a1lBqkL7N5eF3dG6hH8i9k root@{name} (ED25519)
<14>{month} cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
{keys}
-----END SSH HOST KEY KEYS-----
[    5.120034] cloud-init[612]: Cloud-init v. 25.1.4 finished

Debian GNU/Linux 13 {name} ttyS0

{name} login: """


@dataclass
class Acme(Deployment):
    """A machine of the bench's, an account, a laptop with Terraform, and the package on it."""

    account: Account = field(default_factory=lambda: Account([]))
    #: The machine's data disk, as this machine calls it.
    device: str = ""
    #: A value that Terraform is told to be secret.
    held: str = ""

    @classmethod
    def prepare(cls) -> Acme:
        """Compiles, signs and delivers the package; in the account there is nothing but its owner."""
        work = instance_folder() / "acme"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        example = (EXAMPLE / "export.yaml").read_text()
        bucket = _value(example, "bucket")
        rights = source.rights_in(bucket, "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject")
        with ThreadPoolExecutor(1) as meanwhile:
            machine = meanwhile.submit(_machine)
            account = Account.start()
            filled = source.fill(bucket, _value(example, "region"), _files(), {"reader": rights})
            device = machine.result()
        account.prints(console())
        _export(example, filled["objects"], work / "export")
        (work / "target.json").write_text(
            json.dumps(target_at_amazon(REGION, ACME_DOMAIN, f"{disk.GIB} GiB"), indent=1)
        )
        make_issuer(work, "issuer/bench")
        compiling = [program(), "compile", work / "export", "--target", work / "target.json", "--out", work / "out"]
        run([*compiling, "--sign-key", work / "issuer"], log="compile")
        venv = f"{OWN}/venv"
        server.start_laptop(shown=shown_on_the_laptop() | _aws(), **{venv: f"acme-tools/{digest_of(REQUIREMENTS)}"})
        unpack(work / "out", PACKAGE)
        credential = _credential(example, bucket, filled["keys"]["reader"])
        _furnish(work, account, credential)
        about = {"package": PACKAGE, "domain": ACME_DOMAIN, "source": filled, "credential": credential}
        access = server.Access(SERVER.name, SERVER.address, 22, USER, server.key(), server.host_keys(SERVER))
        held = f"held-{digest_of(*account.key)}"
        return cls(access, plan(PACKAGE), account=account, device=device, held=held, **about)

    def bootstrap(self) -> Run:
        """The tools, which are kept between runs; one run at a time installs them."""
        with locked("acme-tools"):
            return self.type("bootstrap", "./migrate bootstrap")

    def admit(self) -> None:
        """A machine's first boot, once it was asked for: the key comes in, the disk gets its name, the agent calls."""
        (machine,) = self.account.machines()
        server.admit(SERVER, USER, machine["key"])
        self.account.serve_sessions(machine["id"])
        (volume,) = [id for device, (id, _, _) in machine["disks"].items() if device != machine["root"]]
        name = f"nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
        disk.call(self.device, f"/dev/disk/by-id/{name}")

    def change(self) -> str:
        """The Trust Architect changes what Terraform is given, by a file of their own; where it lies."""
        path = f"{OWN}/local/terraform/{CHANGES.name}"
        server.place_file(LAPTOP, path, CHANGES.read_text().replace("HELD", self.held))
        return path

    def give_storage_key(self, user: str) -> list[str]:
        """Makes the application's key and gives it, as README.md of the package says; it is returned too."""
        key = self.account.make_key(user)
        for name, text in zip(("storage_access_key", "storage_secret_key"), key, strict=True):
            server.place_file(LAPTOP, f"{OWN}/secrets/{name}", text)
        return key

    def read(self, path: str) -> str:
        """A file of the state folder."""
        return server.inside("cat", f"{OWN}/{path}", place=LAPTOP)

    def find(self, pattern: str) -> list[str]:
        """Files of the state folder whose path, within it, matches."""
        found = server.inside("sh", "-c", f"cd {OWN} && find . -type f -path './{pattern}'", place=LAPTOP)
        return sorted(line.removeprefix("./") for line in found.splitlines())

    @property
    def bucket(self) -> str:
        """The new bucket, as the package's data for Terraform has it."""
        file = f"{PACKAGE}/infrastructure/terraform/terraform.tfvars.json"
        return str(json.loads(server.inside("cat", file, place=LAPTOP))["bucket_name"])


def console() -> str:
    """What the machine's serial console has shown since its first boot, in the lines of such a device."""
    name = "ip-10-20-0-10"
    keys = "\n".join(f"{key} root@{name}" for key in server.host_keys(SERVER))
    return CONSOLE.format(month="Nov 22 06:30:00", name=name, keys=keys).replace("\n", "\r\n")


def _machine() -> str:
    """A freshly installed Debian 13 with the account that Amazon's images have, and a blank disk; the disk's device."""
    network.remove(SERVER)
    device = disk.attach()
    server.boot(SERVER, *disk.options(device))
    server.inside("useradd", "--create-home", "--shell", "/bin/bash", USER)
    server.inside("sh", "-euc", f"echo '{USER} ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-cloud-init-users")
    server.inside("sh", "-euc", "userdel --remove deploy && rm /etc/sudoers.d/deploy")
    return device


def _value(example: str, key: str) -> str:
    """A plain value of the example's export, by its key."""
    found = re.search(rf"(?m)^ +{key}: (\S+)$", example)
    if found is None:
        raise BenchError(f"{EXAMPLE}/export.yaml has no line `{key}: …`")
    return found[1]


def _files() -> list[dict[str, Any]]:
    """The files of the example, and some whose names are code elsewhere."""
    whose = {"uploader": "ada@acme.example", "upload_time": "2026-11-01T09:00:00Z", "collection": "contracts"}
    return source.listed(EXAMPLE / "inventory.csv") + [
        {
            "key": f"contracts/ada@acme.example/20261101-090000-{name}",
            "size": 1000 * number,
            "content_type": "text/plain; charset=utf-8",
            "metadata": whose | {"original_filename": name, "comment": "as built – wie gebaut"},
        }
        for number, name in enumerate(NAMES)
    ]


def _export(example: str, objects: list[dict[str, Any]], folder: Path) -> None:
    """The example, exported now, with the files that stand in the source."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("inventory.*"))
    totals = {"objects": len(objects), "bytes": sum(item["size"] for item in objects)}
    before, key, after = example.partition("\n  content:\n")
    for name, number in totals.items():
        after = re.sub(rf"(?m)^    {name}: \d+$", f"    {name}: {number}", after, count=1)
    text = re.sub(r"(?m)^  exportedAt: \S+$", f"  exportedAt: {hosted.ahead()}", before + key + after)
    if any(f"    {name}: {number}\n" not in text for name, number in totals.items()):
        raise BenchError(f"{EXAMPLE}/export.yaml has no `content:` with `objects:` and `bytes:`")
    (folder / "export.yaml").write_text(text)
    lines = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in objects)
    (folder / "inventory.jsonl.gz").write_bytes(gzip.compress(lines.encode()))


def _credential(example: str, bucket: str, key: list[str]) -> dict[str, Any]:
    """What the operator hands over; no machine of the hosted side is asked in this story."""
    storage = {
        "provider": "aws-s3",
        "endpoint": f"https://{SOURCE.name}",
        "region": _value(example, "region"),
        "bucket": bucket,
        "access_key_id": key[0],
        "secret_access_key": key[1],
        "ca": authority.authority("source").certificate.read_text(),
    }
    about = {"schema": 1, "kind": "source-read", "installation": _value(example, "installation")}
    return about | {"ends_at": hosted.ahead(days=2), "ssh": None, "storage": storage}


def _furnish(work: Path, account: Account, credential: dict[str, Any]) -> None:
    """The Trust Architect's machine: signers, secrets, certificate, and the key of the account's administrator."""
    certificate = authority.issue("public", ACME_DOMAIN)
    access, secret = account.key
    given = {
        f"{OWN}/secrets/mail_password": MAIL_PASSWORD,
        f"{OWN}/secrets/source_read": json.dumps(credential),
        ".config/stufpack/acme.signers": (work / "signers").read_text(),
        f"{OWN}/local/tls/cert.pem": certificate.certificate.read_text(),
        f"{OWN}/local/tls/key.pem": certificate.key.read_text(),
        # Python's libraries for Amazon bring authorities of their own, among which the bench's is not.
        ".aws/config": f"[default]\nregion = {REGION}\nca_bundle = /etc/ssl/certs/ca-certificates.crt\n",
        ".aws/credentials": f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n",
    }
    for path, text in given.items():
        server.place_file(LAPTOP, path, text)


def _aws() -> dict[Path, str]:
    """The command `aws`, and that its plugin is installed and new enough, which the package looks at."""
    plugin = instance_folder() / "session-manager-plugin"
    plugin.write_text("#!/bin/sh\necho 1.2.764.0\n")
    plugin.chmod(0o755)
    return {SESSION_MANAGER: "/usr/local/bin/aws", plugin: "/usr/local/bin/session-manager-plugin"}


def stand_around() -> None:
    """What the deployment meets besides: names, registry with the release, mail."""
    engine.start()
    network.start()
    mails.forget()
