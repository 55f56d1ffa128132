"""A deployed Keycloak, changed by hand."""

from __future__ import annotations

import json

from . import server
from .names import SERVER, Place

# Runs on the server with its own Python: asks Keycloak by the administrator that the first start made.
ASKING = """
import json, subprocess, sys, urllib.parse, urllib.request
name = subprocess.check_output("docker ps --format '{{.Names}}' | grep keycloak", shell=True, text=True).split()[0]
networks = json.loads(subprocess.check_output(["docker", "inspect", name]))[0]["NetworkSettings"]["Networks"]
base = "http://%s:8080/auth" % next(iter(networks.values()))["IPAddress"]
password = open("/etc/stuf/secrets/keycloak_admin_password").read().strip()
def ask(method, path, body=None, token=None, form=False):
    data = None if body is None else (urllib.parse.urlencode(body) if form else json.dumps(body)).encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    headers = {"Content-Type": kind, **({"Authorization": "Bearer " + token} if token else {})}
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method=method)) as answer:
        content = answer.read()
    return json.loads(content) if content else None
sign_in = {"grant_type": "password", "client_id": "admin-cli", "username": "stufpack-admin", "password": password}
token = ask("POST", "/realms/master/protocol/openid-connect/token", sign_in, form=True)["access_token"]
"""
OF_A_USER = """
username, change = sys.argv[1], json.loads(sys.argv[2])
search = urllib.parse.urlencode({"username": username, "exact": "true"})
found = ask("GET", "/admin/realms/stuf/users?" + search, token=token)
if not found:
    ask("POST", "/admin/realms/stuf/users", {"username": username, **change}, token)
    sys.exit()
user = found[0]
if change.get("gone"):
    ask("DELETE", "/admin/realms/stuf/users/%s" % user["id"], token=token)
    sys.exit()
if "password" in change:
    credential = {"type": "password", "value": change.pop("password"), "temporary": False}
    ask("PUT", "/admin/realms/stuf/users/%s/reset-password" % user["id"], credential, token)
if change:
    ask("PUT", "/admin/realms/stuf/users/%s" % user["id"], change, token)
"""
OF_A_SERVICE_ACCOUNT = """
realm = "/admin/realms/stuf"
ids = {one["clientId"]: one["id"] for one in ask("GET", realm + "/clients", token=token)}
manager = ids["realm-management"]
account = ask("GET", "%s/clients/%s/service-account-user" % (realm, ids[sys.argv[1]]), token=token)["id"]
path = "%s/users/%s/role-mappings/clients/%s" % (realm, account, manager)
roles = ask("GET", "%s/clients/%s/roles" % (realm, manager), token=token)
(role,) = [one for one in roles if one["name"] == sys.argv[2]]
held = role["name"] in [one["name"] for one in ask("GET", path, token=token)]
ask("DELETE" if held else "POST", path, [{"id": role["id"], "name": role["name"]}], token)
"""


def administer(username: str, place: Place = SERVER, **change: object) -> None:
    """Changes a user in Keycloak as an administrator would, or makes one; `password` sets one, `gone` removes it."""
    server.inside("python3", "-", username, json.dumps(change), place=place, stdin=(ASKING + OF_A_USER).encode())


def toggle_management(client: str, role: str) -> None:
    """Gives the service account of a client a role of `realm-management`, or takes it away where it is held."""
    server.inside("python3", "-", client, role, stdin=(ASKING + OF_A_SERVICE_ACCOUNT).encode())
