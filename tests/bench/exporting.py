"""An export of what was deployed, made by `./migrate export` and brought here, and what `stufpack` says of it."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import server
from .deployment import Run, program
from .names import LAPTOP
from .paths import instance_folder
from .shell import BenchError, run

#: On the server, while an export is read, and never after.
TRACES = ("/var/lib/stufpack/export", "/home/deploy/.stuf-export")


@dataclass(frozen=True)
class Export:
    """An export's folder on this machine."""

    folder: Path

    @classmethod
    def of(cls, exported: Run) -> Export:
        """The folder that a run says it wrote."""
        said = [line for step in exported.document.get("steps", []) for line in step.get("lines", [])]
        places = [line.removeprefix("export: ") for line in said if line.startswith("export: ")]
        if len(places) != 1:
            raise BenchError(f"the run named {len(places)} folders, expected 1:\n{exported.output[-3000:]}")
        here = instance_folder() / "exports" / Path(places[0]).name
        server.fetch(LAPTOP, places[0], here)
        return cls(here)

    @property
    def spec(self) -> dict[str, Any]:
        """The settings."""
        found: dict[str, Any] = json.loads((self.folder / "export.json").read_text())["spec"]
        return found

    @property
    def inventory(self) -> dict[str, dict[str, Any]]:
        """The objects by key."""
        lines = gzip.decompress((self.folder / "inventory.jsonl.gz").read_bytes()).decode().split("\n")
        return {row["key"]: row for row in map(json.loads, filter(None, lines))}

    def findings(self) -> set[str]:
        """Codes of everything that `stufpack check` finds; an export that cannot be used is an error."""
        done = run([program(), "check", self.folder, "--format", "json"], log="check", check=False)
        if done.returncode != 0:
            raise BenchError(f"check ended with {done.returncode}\n{(done.stdout + done.stderr).decode()[-4000:]}")
        return {finding["code"] for finding in json.loads(done.stdout)["findings"]}

    def compiles(self, domain: str) -> list[str]:
        """Compiles a package that moves it to another name; the names of the packages that came out."""
        work = instance_folder() / "deployment"
        target = json.loads((work / "target.json").read_text())
        target["spec"]["domain"] = domain
        with tempfile.TemporaryDirectory(dir=work) as folder:
            place = Path(folder)
            (place / "target.json").write_text(json.dumps(target))
            words = [program(), "compile", self.folder, "--target", place / "target.json", "--out", place / "out"]
            run([*words, "--sign-key", work / "issuer"], log="compile")
            return sorted(file.name for file in (place / "out").glob("*.zip"))

    def differs_from(self, old: Path, *options: str | Path, bytes_too: bool = True) -> list[str]:
        """Paths of everything in which it differs from an older one, which has to have the digests of all its files."""
        words = [program(), "diff", old, self.folder, "--format", "json", "--objects", "100000", *options]
        done = run(words, log="diff", check=False)
        if done.returncode not in (0, 6):
            raise BenchError(f"diff ended with {done.returncode}\n{done.stderr.decode()[-4000:]}")
        found = json.loads(done.stdout)
        if (done.returncode == 0) != (not found["differences"]):
            raise BenchError("the exit code of diff is not what it says")
        if bytes_too and found["objects"]["without_digest"]:
            raise BenchError(f"the bytes of {found['objects']['without_digest']} files were not compared")
        return sorted(difference["path"] for difference in found["differences"])


# Runs on the server with its own Python, as the administrator that the first start made.
IN_KEYCLOAK = """
import json, subprocess, sys, urllib.parse, urllib.request
user, role, setting = json.loads(sys.argv[1])
name = subprocess.check_output("docker ps --format '{{.Names}}' | grep keycloak", shell=True, text=True).split()[0]
networks = json.loads(subprocess.check_output(["docker", "inspect", name]))[0]["NetworkSettings"]["Networks"]
base = "http://%s:8080/auth" % networks["stuf_backend"]["IPAddress"]
def ask(method, path, body=None, token=None):
    data = None if body is None else (json.dumps(body) if token else urllib.parse.urlencode(body)).encode()
    kind = "application/json" if token else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, **({"Authorization": "Bearer " + token} if token else {})}
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method=method)) as answer:
        content = answer.read()
    return json.loads(content) if content else None
password = open("/etc/stuf/secrets/keycloak_admin_password").read().strip()
sign_in = {"grant_type": "password", "client_id": "admin-cli", "username": "stufpack-admin", "password": password}
token = ask("POST", "/realms/master/protocol/openid-connect/token", sign_in)["access_token"]
realm = "/admin/realms/stuf"
search = urllib.parse.urlencode({"username": user, "exact": "true"})
mapping = realm + "/users/%s/role-mappings/realm" % ask("GET", realm + "/users?" + search, token=token)[0]["id"]
held = role in [one["name"] for one in ask("GET", mapping, token=token)]
ask("DELETE" if held else "POST", mapping, [ask("GET", realm + "/roles/" + role, token=token)], token)
ask("PUT", realm, {**ask("GET", realm, token=token), **setting}, token)
"""

# Runs in the API's container, with its client and its keys.
BUCKET = """
import io, json, os, sys
from minio import Minio
given = json.loads(sys.argv[1])
read = lambda name: open("/run/secrets/" + name).read().strip()
store = Minio("garage:3900", read("storage_access_key"), read("storage_secret_key"), secure=False)
bucket = os.environ["MINIO_BUCKET_NAME"]
put = lambda key, body: store.put_object(bucket, key, io.BytesIO(body), len(body), content_type="application/json")
"""
CHANGE = """
key, outer, last, value = given
content = json.loads(store.get_object(bucket, key).read())
content[outer][last] = value
put(key, json.dumps(content).encode())
"""


def toggle_role(user: str, role: str, setting: dict[str, Any]) -> None:
    """Gives a user a role, or takes it away where it is held; and changes settings of the realm."""
    server.inside("python3", "-", json.dumps([user, role, setting]), stdin=IN_KEYCLOAK.encode())


def change_document(key: str, outer: str, last: str, value: str) -> None:
    """Changes one value of a document in the bucket."""
    _in_bucket(CHANGE, [key, outer, last, value])


def put_object(key: str) -> None:
    """Puts an object into the bucket."""
    _in_bucket("put(given, b'{}')", key)


def keys_below(prefix: str) -> list[str]:
    """The keys of the bucket that begin so."""
    code = "print(json.dumps([one.object_name for one in store.list_objects(bucket, given, recursive=True)]))"
    found: list[str] = json.loads(_in_bucket(code, prefix))
    return found


def _in_bucket(code: str, given: Any) -> str:
    words = ("docker", "exec", "--interactive", "stuf-api-1", "python", "-", json.dumps(given))
    return server.inside(*words, stdin=(BUCKET + code).encode())
