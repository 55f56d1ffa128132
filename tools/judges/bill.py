"""Holds the bill of materials of an unpacked package to CycloneDX's own schema, and to what the package really names.

usage: bill.py TREE
"""

import copy
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

NAME = "bill-of-materials.cdx.json"
SCHEMA = JsonStrictValidator(SchemaVersion.V1_6)


def fits(bill: dict[str, Any]) -> str | None:
    """What the schema has against a bill; None where it fits."""
    error = SCHEMA.validate_str(json.dumps(bill))
    return None if error is None else str(error)[:300]


def refused(bill: dict[str, Any]) -> list[str]:
    """Bills made wrong on purpose that the schema lets pass: a judge that takes everything says nothing."""

    def unknown_key(wrong: dict[str, Any]) -> None:
        wrong["components"][0]["digest"] = "x"

    def no_digest(wrong: dict[str, Any]) -> None:
        wrong["components"][0]["hashes"][0]["content"] = "latest"

    def no_name(wrong: dict[str, Any]) -> None:
        del wrong["components"][0]["name"]

    def no_serial(wrong: dict[str, Any]) -> None:
        wrong["serialNumber"] = "1"

    passed = []
    for mistake in (unknown_key, no_digest, no_name, no_serial):
        wrong = copy.deepcopy(bill)
        mistake(wrong)
        if fits(wrong) is None:
            passed.append(f"the schema lets pass: {mistake.__name__}")
    return passed


def differences(what: str, said: set[str], there: set[str]) -> list[str]:
    """Where the bill and the package name different things, or neither names any."""
    if not there:
        return [f"{what}: the package names none"]
    return [f"{what}: {name} is in the {'bill' if name in said else 'package'} alone" for name in sorted(said ^ there)]


def images(components: list[dict[str, Any]], tree: Path) -> list[str]:
    """What Compose starts, by digest."""
    said = {f"{part['name']}@{part['version']}" for part in components if part["type"] == "container"}
    text = (tree / "infrastructure/compose/.env").read_text(encoding="utf-8")
    return differences("images", said, set(re.findall(r"[^\"'=\s]+@sha256:[0-9a-f]{64}", text)))


def wheels(components: list[dict[str, Any]], tree: Path) -> list[str]:
    """What `bootstrap` installs, each file by digest; pip's form of the list is read anew here."""
    said = {
        f"{part['name']}=={part['version']} {digest['content']}"
        for part in components
        if part["bom-ref"].startswith("wheel:")
        for digest in part["hashes"]
    }
    text = (tree / "infrastructure/controller/requirements.txt").read_text(encoding="utf-8")
    there = {
        f"{line.split()[0]} {digest}"
        for line in text.replace("\\\n", " ").splitlines()
        if line and not line.startswith("#")
        for digest in re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    }
    return differences("wheels", said, there)


def providers(components: list[dict[str, Any]], tree: Path) -> list[str]:
    """What `terraform init` fetches, each archive by digest; a package without Terraform names none."""
    said = {
        f"{part['name']} {part['version']} {digest['content']}"
        for part in components
        if part["bom-ref"].startswith("terraform-provider:")
        for digest in part["hashes"]
    }
    lock = tree / "infrastructure/terraform/.terraform.lock.hcl"
    if not lock.exists():
        return [f"providers: {name} is in the bill alone" for name in sorted(said)]
    there = {
        f"{name} {version} {digest}"
        for name, version, block in re.findall(
            r"""provider "[^/"]+/([^"]+)" \{\s+version\s+= "([^"]+)"(.*?)^\}""",
            lock.read_text(encoding="utf-8"),
            re.S | re.M,
        )
        for digest in re.findall(r'"zh:([0-9a-f]{64})"', block)
    }
    return differences("providers", said, there)


def collections(components: list[dict[str, Any]]) -> list[str]:
    """The collections as the wheel brings them, which is installed here too."""
    wheel = next(part for part in components if part["bom-ref"] == "wheel:ansible")
    here = importlib.metadata.version("ansible")
    if wheel["version"] != here:
        return [f"collections: the bill has ansible {wheel['version']}, the judges {here}: make the two equal"]
    folder = next(iter(importlib.util.find_spec("ansible_collections").submodule_search_locations))
    wrong = []
    for part in wheel["components"]:
        about = Path(folder, part["name"].replace(".", "/"), "MANIFEST.json").read_text(encoding="utf-8")
        version = json.loads(about)["collection_info"]["version"]
        if version != part["version"]:
            wrong.append(f"collections: {part['name']} is {version} in the wheel, {part['version']} in the bill")
    return wrong


def references(bill: dict[str, Any]) -> list[str]:
    """Every reference leads to one component, and every purl is in its one form."""
    components = bill["components"]
    names = [part["bom-ref"] for part in components]
    every = names + [part["bom-ref"] for outer in components for part in outer.get("components", [])]
    wrong = [f"{name} stands there twice" for name in sorted(set(every)) if every.count(name) > 1]
    wrong += differences("dependencies", set(bill["dependencies"][0]["dependsOn"]), set(names))
    for part in components:
        purl = part.get("purl")
        # The list of purl's types has none for a provider of Terraform.
        if purl is None and not part["bom-ref"].startswith(("tool:", "terraform-provider:")):
            wrong.append(f"{part['bom-ref']} has no purl")
        elif purl is not None and PackageURL.from_string(purl).to_string() != purl:
            wrong.append(f"{purl} is not in its one form: {PackageURL.from_string(purl).to_string()}")
    return wrong


def main() -> int:
    """Judges the bill of one package."""
    tree = Path(sys.argv[1])
    data = (tree / NAME).read_bytes()
    bill = json.loads(data)
    manifest = json.loads((tree / "manifest.json").read_text(encoding="utf-8"))
    wrong = [error for error in [fits(bill)] if error is not None]
    wrong += refused(bill)
    wrong += images(bill["components"], tree) + wheels(bill["components"], tree)
    wrong += providers(bill["components"], tree) + collections(bill["components"])
    wrong += references(bill)
    needed = [part for part in bill["components"] if part["type"] == "application"]
    tools = {part["name"]: part["properties"][0]["value"] for part in needed}
    if tools != manifest["requires"]["tools"]:
        wrong.append(f"tools: {tools} in the bill, {manifest['requires']['tools']} in the manifest")
    if manifest["bill"]["digest"] != "sha256:" + hashlib.sha256(data).hexdigest():
        wrong.append("the manifest names another bill")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
