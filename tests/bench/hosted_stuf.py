"""The STUF of the hosted side: deployed by a package's own roles, its files in the source's storage."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from . import authority, hosted, images, network, server, source
from .engine import locked
from .names import HOSTED, INSTALLATION, OPERATOR, SOURCE
from .paths import REPOSITORY, digest_of, instance_folder
from .shell import run, say
from .target import make_issuer, secrets, target

EXAMPLE = REPOSITORY / "examples" / "harbour" / "export"
REQUIREMENTS = REPOSITORY / "templates" / "infrastructure" / "controller" / "requirements.txt"
PLAYBOOK = Path(__file__).resolve().parent / "hosted_side"
DATA_VOLUME = f"{HOSTED.container}-docker"
#: What a package closes in a realm and in its clients, and the hosted side has open.
OPEN_REALM = ("sslRequired", "bruteForceProtected", "failureFactor")
OPEN_CLIENT = ("directAccessGrantsEnabled", "redirectUris", "webOrigins")
#: On the operator's machine.
PACKAGE = "/home/architect/package/harbour"
STATE = "/home/architect/.local/state/stufpack/harbour-production"


def start(program: Path, filled: dict[str, Any]) -> hosted.Kit:
    """The hosted side's machine with the example's STUF, its people in it, and with the kit."""
    begun = time.monotonic()
    network.remove(HOSTED)
    server.forget(DATA_VOLUME)
    server.boot(HOSTED, "--volume", f"{DATA_VOLUME}:/var/lib/docker", image=images.image("hosted"))
    server.admit(HOSTED)
    _deploy(program, filled["keys"]["api"])
    kit = hosted.equip(program, filled)
    say(f"the hosted STUF was made in {time.monotonic() - begun:.0f} s")
    return kit


def _deploy(program: Path, key: list[str]) -> None:
    work = instance_folder() / "hosted"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    # No name of the hosted service is a target's, so it gets that one afterwards.
    (work / "target.json").write_text(json.dumps(target(HOSTED, HOSTED.name)))
    make_issuer(work, "issuer/hosted")
    compiling = [program, "compile", EXAMPLE, "--target", work / "target.json", "--out", work / "out"]
    run([*compiling, "--sign-key", work / "issuer"], log="hosted")
    (package,) = (work / "out").glob("*.zip")
    server.start_operator(f"{STATE}/venv", digest_of(REQUIREMENTS))
    server.copy_to_laptop(package, f"{server.HOME}/package.zip", OPERATOR)
    server.place_file(OPERATOR, ".config/stufpack/harbour.signers", (work / "signers").read_text())
    _at_work("unzip -q package.zip -d package")
    with locked("operator-tools"):
        _at_work(f"{PACKAGE}/migrate bootstrap")
    _as_hosted()
    for name, text in (secrets() | dict(zip(("storage_access_key", "storage_secret_key"), key, strict=True))).items():
        server.place_file(OPERATOR, f"{STATE}/secrets/{name}", text)
    certificate = authority.issue("public", INSTALLATION)
    server.place_file(OPERATOR, f"{STATE}/local/tls/cert.pem", certificate.certificate.read_text())
    server.place_file(OPERATOR, f"{STATE}/local/tls/key.pem", certificate.key.read_text())
    server.place_file(
        OPERATOR, f"{PACKAGE}/infrastructure/ansible/playbooks/hosted.yml", (PLAYBOOK / "playbook.yml").read_text()
    )
    override = (PLAYBOOK / "compose.override.yaml").read_text()
    server.place_file(OPERATOR, f"{PACKAGE}/infrastructure/ansible/playbooks/files/compose.override.yaml", override)
    server.place_file(OPERATOR, "variables.json", json.dumps(_variables()))
    tools = f"$(echo {STATE}/venv/*/bin)"
    playing = "ansible-playbook -i inventory/target playbooks/hosted.yml -e @$HOME/variables.json"
    _at_work(f"cd {PACKAGE}/infrastructure/ansible && PATH={tools}:$PATH ANSIBLE_CONFIG=ansible.cfg {playing}")
    network.remove(OPERATOR)


def _variables() -> dict[str, Any]:
    return {
        "stufpack_package_root": PACKAGE,
        "stufpack_state": STATE,
        "storage_endpoint": f"https://{SOURCE.name}",
        "storage_region": source.REGION,
        "hosted_storage_ca": authority.authority("source").certificate.read_text(),
        "stuf_images": {name: image for name, image in network.release().items() if name != "garage"},
    }


def _as_hosted() -> None:
    """The name under which the hosted side runs it, wherever the package has its own; and a realm as open as there."""
    where = "infrastructure/compose/.env infrastructure/ansible/group_vars configuration"
    _at_work(f"cd {PACKAGE} && sed -i 's/{HOSTED.name}/{INSTALLATION}/g' $(grep -rlF {HOSTED.name} {where})")
    file = f"{PACKAGE}/configuration/integration-config/realm.json"
    realm = json.loads(server.inside("cat", file, place=OPERATOR))
    given = json.loads((EXAMPLE / "realm.json").read_text())
    realm |= {name: given[name] for name in OPEN_REALM}
    clients = {client["clientId"]: client for client in given["clients"]}
    for client in realm["clients"]:
        theirs = clients.get(client["clientId"], {})
        client |= {name: theirs[name] for name in OPEN_CLIENT if name in theirs}
    server.place_file(OPERATOR, file, json.dumps(realm))


def _at_work(command: str) -> None:
    """Types a line on the operator's machine."""
    server.typed(OPERATOR, command, log="hosted")
