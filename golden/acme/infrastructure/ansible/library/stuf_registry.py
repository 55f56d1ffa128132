#!/usr/bin/python
"""Ansible module: asks the registries whether every pinned image is there, before anything is changed."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import urllib.parse
import urllib.request

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_http import patiently

DOCUMENTATION = """
module: stuf_registry
short_description: Find every image by its digest
description:
  - Asks for the manifest of each image as Docker would, anonymously, with the given authority for the registry.
  - A registry that is busy or out of order for a moment is asked again, twice.
options:
  images: {description: Images as NAME@sha256:DIGEST., type: list, elements: str, required: true}
  authority: {description: PEM text of the registry's own certificate authority., type: str, required: false}
author: [stufpack]
"""
EXAMPLES = """
- name: Find every image
  stuf_registry:
    images: ["docker.io/library/caddy@sha256:…"]
"""
RETURN = """
missing: {description: One sentence per image that was not found., type: list, elements: str, returned: always}
"""

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def parse(image: str) -> tuple[str, str, str]:
    """Registry, repository and digest of an image name, by Docker's rules."""
    name, _, digest = image.partition("@")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"{image}: not pinned by digest")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = "docker.io", name
    head, _, tail = repository.rpartition("/")
    repository = f"{head}/{tail.split(':', 1)[0]}" if head else tail.split(":", 1)[0]
    if registry in ("docker.io", "index.docker.io"):
        registry = "registry-1.docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    return registry, repository, digest


def look(image: str, context: ssl.SSLContext) -> str:
    """Empty where the image is there, else a sentence."""
    registry, repository, digest = parse(image)
    path = f"/v2/{repository}/manifests/{digest}"
    try:
        status = patiently(lambda: _ask(registry, path, context))
    except (OSError, http.client.HTTPException) as error:
        return f"{registry} does not answer: {error}"
    if status == 200:
        return ""
    return f"{image}: {registry} answered {status}"


def _ask(registry: str, path: str, context: ssl.SSLContext) -> int:
    """The status of a manifest, with a token where the registry asks for one."""
    status, challenge = _head(registry, path, context, "")
    if status == 401 and challenge.lower().startswith("bearer "):
        status, _ = _head(registry, path, context, _token(challenge, context))
    return status


def _head(registry: str, path: str, context: ssl.SSLContext, token: str) -> tuple[int, str]:
    connection = http.client.HTTPSConnection(registry, timeout=20, context=context)
    headers = {"accept": ACCEPT}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        connection.request("HEAD", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("www-authenticate") or ""
    finally:
        connection.close()


def _token(challenge: str, context: ssl.SSLContext) -> str:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not realm.startswith("https://"):
        raise OSError("the registry offers no token service over TLS")
    url = f"{realm}?{urllib.parse.urlencode(fields)}"
    with urllib.request.urlopen(url, timeout=20, context=context) as answer:
        content = json.load(answer)
    return str(content.get("token") or content.get("access_token") or "")


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "authority": {"type": "str"},
        },
        supports_check_mode=True,
    )
    context = ssl.create_default_context()
    missing: list[str] = []
    try:
        if module.params["authority"]:
            context.load_verify_locations(cadata=module.params["authority"])
        missing = [sentence for image in module.params["images"] if (sentence := look(image, context))]
    except (ValueError, ssl.SSLError) as error:
        module.fail_json(msg=str(error), missing=missing)
    module.exit_json(changed=False, missing=missing)


if __name__ == "__main__":
    main()
