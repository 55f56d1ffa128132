"""Reads every free text of an export back through each consumer of a package, and compares.

usage: read_back.py EXPORT TREE NODE_FOLDER

A value is never code: Ansible, Compose, Caddy, Python's json and csv, a browser's parser (parse5, the parser of the
HTML standard) and JavaScript itself must each see exactly the text of the export.
"""

import contextlib
import csv
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: "{{ result }}"
        mode: "0600"
        content: "{{ {'name': stuf_project_name, 'display': identity_display_name, 'domain': stuf_domain} | to_json }}"
"""

BROWSER = """
const fs = require('fs'), vm = require('vm');
(async () => {
  const parse5 = await import(process.argv[1] + '/node_modules/parse5/dist/index.js');
  const [, , script, page] = process.argv;
  const window = {};
  vm.runInNewContext(fs.readFileSync(script, 'utf8'), { window });
  const texts = {};
  const walk = (node) => {
    if (['title', 'h1', 'p', 'script'].includes(node.nodeName)) {
      const text = node.childNodes.map((child) => child.value ?? '').join('');
      (texts[node.nodeName] ??= []).push(text);
    }
    for (const child of node.childNodes ?? []) walk(child);
  };
  walk(parse5.parse(fs.readFileSync(page, 'utf8')));
  console.log(JSON.stringify({ config: window.__STUF_CONFIG__, texts }));
})();
"""

PAGES = """
const fs = require('fs');
(async () => {
  const parse5 = await import(process.argv[1] + '/node_modules/parse5/dist/index.js');
  const seen = process.argv.slice(2).map((page) => {
    const texts = {};
    const text = (node) => node.value ?? (node.childNodes ?? []).map(text).join('');
    const walk = (node) => {
      if (['title', 'h1'].includes(node.nodeName)) texts[node.nodeName] ??= text(node);
      for (const child of node.childNodes ?? []) walk(child);
    };
    walk(parse5.parse(fs.readFileSync(page, 'utf8')));
    return texts;
  });
  console.log(JSON.stringify(seen));
})();
"""


class Comparison:
    """Counts what was compared and names what differs, without printing a value."""

    def __init__(self) -> None:
        self.compared = 0
        self.different: list[str] = []

    def same(self, what: str, expected: Any, found: Any) -> None:
        """Compares one value."""
        self.compared += 1
        if expected != found:
            self.different.append(f"{what}: {str(expected)[:80]!r} became {str(found)[:80]!r}")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def caddy(folder: Path) -> Iterator[str]:
    """Caddy's file server over a folder; yields its address."""
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        ["caddy", "file-server", "--root", str(folder), "--listen", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), 1).close()
                break
            time.sleep(0.1)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait()


def by_ansible(tree: Path, export: dict[str, Any], compare: Comparison) -> None:
    """What a task of Ansible sees."""
    with tempfile.TemporaryDirectory() as folder:
        playbook, result = Path(folder, "read.yml"), Path(folder, "result.json")
        playbook.write_text(PLAYBOOK, encoding="utf-8")
        variables = tree / "infrastructure/ansible/group_vars/all.yml"
        subprocess.run(
            [
                "ansible-playbook",
                "-i",
                "localhost,",
                "-e",
                f"@{variables}",
                "-e",
                f"result={result}",
                "-e",
                f"ansible_python_interpreter={sys.executable}",
                str(playbook),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seen = json.loads(result.read_text(encoding="utf-8"))
    compare.same("Ansible, project name", export["spec"]["project"]["name"], seen["name"])


def by_compose(tree: Path, export: dict[str, Any], compare: Comparison) -> None:
    """What Compose hands to containers."""
    config = [str(Path(__file__).with_name("compose-config")), str(tree), "--format", "json"]
    out = subprocess.run(config, check=True, stdout=subprocess.PIPE).stdout
    labels = [service.get("labels", {}) for service in json.loads(out)["services"].values()]
    names = {label["io.pyx.stuf.project"] for label in labels if "io.pyx.stuf.project" in label}
    compare.same(
        "Compose, project name", {export["spec"]["project"]["name"]}, {name.replace("$$", "$") for name in names}
    )


def by_python(tree: Path, export: dict[str, Any], compare: Comparison) -> None:
    """What Python's json and csv read."""
    configuration = tree / "configuration/api-config"
    document = json.loads((configuration / "stuf_config.json").read_text(encoding="utf-8"))
    compare.same("json, project name", export["spec"]["project"]["name"], document["project"]["name"])
    compare.same(
        "json, description", export["spec"]["project"].get("description", ""), document["project"]["description"]
    )
    users = json.loads((configuration / "users/users.json").read_text(encoding="utf-8"))["users"]
    names = {user["id"]: user["name"] for user in users}
    exported = export["spec"]["users"]
    listed = exported if isinstance(exported, list) else [{"id": key, **value} for key, value in exported.items()]
    compare.same("json, number of users", len(listed), len(users))
    for user in listed:
        compare.same(f"json, name of user {user['id']}", user["name"], names.get(user["id"]))
    with (configuration / "users/recipients.csv").open(encoding="utf-8", newline="") as file:
        # What could be a formula has an apostrophe or angle brackets around it.
        guard = re.compile(r"^'(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
        rows = {row["email"].strip("<>"): guard.sub("", row["name"]) for row in csv.DictReader(file)}
    for user in listed:
        compare.same(f"csv, name of user {user['id']}", user["name"], rows.get(user["email"]))


def by_caddy_and_browser(tree: Path, export: dict[str, Any], node: str, compare: Comparison) -> None:
    """What Caddy serves, and what a browser's parser makes of it."""
    pages = tree / "configuration/spa-config"
    with caddy(pages) as origin, tempfile.TemporaryDirectory() as folder:
        for name in ("config.js", "branding.json", "maintenance.html"):
            with urllib.request.urlopen(f"{origin}/{name}", timeout=10) as answer:
                served = answer.read()
            Path(folder, name).write_bytes(served)
            compare.same(f"Caddy, {name}", (pages / name).read_bytes(), served)
        branding = json.loads(Path(folder, "branding.json").read_text(encoding="utf-8"))["branding"]
        compare.same("Caddy, title", export["spec"]["branding"]["title"], branding["title"])
        out = subprocess.run(
            ["node", "-e", BROWSER, node, str(Path(folder, "config.js")), str(Path(folder, "maintenance.html"))],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    seen = json.loads(out)
    title = export["spec"]["branding"]["title"].replace("\r\n", "\n")
    compare.same("browser, heading", title, seen["texts"]["h1"][0])
    compare.same("browser, title", title, seen["texts"]["title"][0])
    compare.same("browser, no script in the page", None, seen["texts"].get("script"))
    compare.same("browser, realm", "stuf", seen["config"]["keycloakRealm"])


def by_browsers_parser(tree: Path, export: dict[str, Any], node: str, compare: Comparison) -> None:
    """What a browser's parser makes of the pages for people."""
    pages = [str(tree / "MIGRATION-PLAN.html"), str(tree / "docs/ledger.html")]
    out = subprocess.run(["node", "-e", PAGES, node, *pages], check=True, stdout=subprocess.PIPE).stdout
    plan, ledger = json.loads(out)
    name = export["spec"]["project"]["name"]
    compare.same("page of the plan, heading", name, plan["h1"][: len(name)])
    compare.same("page of the plan, title", name, plan["title"][-len(name) :])
    compare.same("page of the ledger, heading", f"Ledger of {name}", ledger["h1"])
    compare.same("page of the ledger, title", name, ledger["title"][-len(name) :])


def main() -> int:
    """Reads everything back and tells what differs."""
    source, tree, node = Path(sys.argv[1]), Path(sys.argv[2]).resolve(), os.path.realpath(sys.argv[3])
    export = yaml.safe_load((source / "export.yaml").read_text(encoding="utf-8"))
    compare = Comparison()
    by_ansible(tree, export, compare)
    by_compose(tree, export, compare)
    by_python(tree, export, compare)
    by_caddy_and_browser(tree, export, node, compare)
    by_browsers_parser(tree, export, node, compare)
    for line in compare.different:
        print(line)
    print(f"{compare.compared} values compared, {len(compare.different)} different")
    return 1 if compare.different or not compare.compared else 0


if __name__ == "__main__":
    sys.exit(main())
