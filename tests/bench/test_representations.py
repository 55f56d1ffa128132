"""What the identity stand-in takes is what the type definitions of Keycloak's own admin client say, field by field."""

from __future__ import annotations

import json
import unittest
from typing import Any

from . import fetch
from .engine import docker
from .identity_client import Identity, start_identity
from .paths import REPOSITORY
from .representations import NotUnderstoodError, read
from .testing import ImageTest

UNKNOWN = "noSuchField"
#: What a package brings for Keycloak.
CONFIGURATION = REPOSITORY / "golden" / "harbour" / "configuration" / "integration-config"
#: Lists on the wire, which the definitions do not say.
MANY = {
    ("RealmRepresentation", "components"),
    ("ComponentExportRepresentation", "config"),
    ("ComponentExportRepresentation", "subComponents"),
}

DEFINITIONS = {
    "one.d.ts": """
        import type { Other } from "./two.js";
        /** A comment with a { in it. */
        export default interface One {
            plain?: string;
            "with-sign"?: boolean;
            needed: number;
            many?: (Kind | string)[];
            each?: { [index: string]: string[]; };
            all?: Record<string, any>;
            inner?: { deep?: Other; };
        }
        export declare enum Kind { A = "a", B = "b" }
    """,
    "two.d.ts": """
        import One from "./one.js";
        export interface Other extends One { more?: "x" | "y"; }
        export type Both = Other & { last: boolean; };
    """,
    "three.d.ts": "export type Work = (one: string) => boolean;",
    "four.d.ts": "export interface Twice { a?: string; } export interface Works { work?: Work; }",
    "five.d.ts": "export interface Twice { a?: number; }",
}

# Runs in the stand-in: of each type and value, null where it is taken, else the refusal.
JUDGE = """
import { check } from "/opt/keycloak/lib/stand-in/representations.js";
import fs from "node:fs";
const judged = ([type, value]) => { try { check(value, type); return null; } catch (error) { return error.body; } };
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0, "utf8")).map(judged)));
"""


class Definitions(unittest.TestCase):
    """The reader of definitions."""

    def test_interfaces_enumerations_and_aliases_become_types(self) -> None:
        found = read(DEFINITIONS, ["Both", "One"])
        one = found["One"]
        self.assertEqual(
            one["fields"],
            {
                "plain": "string",
                "with-sign": "boolean",
                "needed": "number",
                "many": {"list": {"one": ["string", {"named": "Kind"}]}},
                "each": {"map": {"list": "string"}},
                "all": {"map": "any"},
                "inner": {"fields": {"deep": {"named": "Other"}}, "needed": []},
            },
        )
        self.assertEqual(found["Kind"], {"one": [{"word": "a"}, {"word": "b"}]})
        self.assertEqual(found["Other"]["fields"]["more"], {"one": [{"word": "x"}, {"word": "y"}]})
        with self.subTest("with what they take from others"):
            self.assertLess(set(one["fields"]), set(found["Both"]["fields"]))
            self.assertEqual(found["Both"]["needed"], ["last", "needed"])

    def test_what_it_cannot_read_is_an_error_for_those_who_need_it(self) -> None:
        for name in ("Works", "Twice", "Nobody"):
            with self.subTest(name), self.assertRaises(NotUnderstoodError):
                read(DEFINITIONS, [name])


class Written(ImageTest):
    """A running stand-in with the realm that a package brings."""

    identity: Identity
    owner: ImageTest

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.owner = cls("owner_of_what_the_class_starts")
        # Taken whole, or the stand-in would not start.
        cls.identity = start_identity(cls.owner, json.loads((CONFIGURATION / "realm.json").read_text()))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.owner.doCleanups()

    def owner_of_what_the_class_starts(self) -> None:
        """Its cleanups end with the class."""

    def test_every_field_takes_its_type_and_no_other(self) -> None:
        types = json.loads((fetch.keycloak_types() / "types.json").read_text())
        self.assertLess(set(fetch.REPRESENTATIONS), set(types))
        for name, field in MANY:
            kind = types[name]["fields"][field]
            kind["map"] = {"list": kind["map"]}
        taken: list[tuple[str, Any]] = []
        unknown: list[tuple[str, Any]] = []
        wrong: list[tuple[str, Any]] = []
        for name, kind in types.items():
            if "fields" not in kind:
                continue
            whole = sample(kind, types)
            taken.append((name, whole))
            unknown.append((name, {**whole, UNKNOWN: 1}))
            wrong += [(name, other) for other in ("text", 7, [whole])]
            wrong += [
                (name, {key: value for key, value in whole.items() if key != needed}) for needed in kind["needed"]
            ]
            for field, inner in kind["fields"].items():
                taken += [(name, {**whole, field: value}) for value in (sample(inner, types), None)]
                wrong += [(name, {**whole, field: other}) for other in others(inner, types)]
        code = ["/usr/lib/identity-runtime", "--input-type=module", "--eval", JUDGE]
        asked = json.dumps(taken + unknown + wrong).encode()
        said = json.loads(docker("exec", "--interactive", self.identity.container.name, *code, stdin=asked))
        judged = list(zip(taken + unknown + wrong, said, strict=True))
        self.assertEqual([case for case, refusal in judged[: len(taken)] if refusal], [])
        for (name, _), refusal in judged[len(taken) : len(taken) + len(unknown)]:
            words = f'Invalid json representation for {name}. Unrecognized field "{UNKNOWN}" at line 1 column 1.'
            self.assertEqual(refusal, {"error": words})
        self.assertEqual([case for case, refusal in judged[len(taken) + len(unknown) :] if not refusal], [])

    def test_every_write_of_the_admin_interface_looks_at_what_it_is_given(self) -> None:
        user = self.identity.add_user(username="looked-at", email="looked-at@harbour.example")
        client = self.identity.admin("GET", "/stuf/clients?clientId=stuf-spa").json()[0]["id"]
        role = self.identity.admin("GET", "/stuf/roles/project-participant").json()
        named = {"id": role["id"], "name": role["name"]}
        bad = {UNKNOWN: 1}
        writes: list[tuple[str, str, Any]] = [
            ("POST", "", {"realm": "second", **bad}),
            ("PUT", "/stuf", bad),
            ("PUT", "/stuf", {"requiredActions": [bad]}),
            ("POST", "/stuf/users", {"username": "another", **bad}),
            ("PUT", f"/stuf/users/{user}", bad),
            ("PUT", f"/stuf/users/{user}", {"credentials": [bad]}),
            ("PUT", f"/stuf/users/{user}/reset-password", {"type": "password", "value": "a long password", **bad}),
            ("POST", f"/stuf/users/{user}/role-mappings/realm", [{**named, **bad}]),
            ("DELETE", f"/stuf/users/{user}/role-mappings/realm", [{**named, **bad}]),
            ("POST", f"/stuf/users/{user}/role-mappings/clients/{client}", [{**named, **bad}]),
            ("PUT", "/stuf/users/profile", {"attributes": [{"name": "username"}, {"name": "email"}], **bad}),
            ("POST", "/stuf/roles", {"name": "another", **bad}),
            ("POST", "/stuf/clients", {"clientId": "another", **bad}),
            ("PUT", f"/stuf/clients/{client}", bad),
            ("PUT", f"/stuf/clients/{client}", {"protocolMappers": [{"consentRequired": False}]}),
            ("POST", "/stuf/client-scopes", {"name": "another", **bad}),
            ("PUT", "/stuf/authentication/required-actions/CONFIGURE_TOTP", bad),
        ]
        for method, path, body in writes:
            with self.subTest(f"{method} {path} with an unknown field"):
                answer = self.identity.admin(method, path, body)
                self.assertEqual(answer.status, 400, answer.text)
                self.assertIn("Unrecognized field", answer.json()["error"])
        for method, path, body in (
            ("PUT", "/stuf", {"accessTokenLifespan": "300"}),
            ("PUT", "/stuf", {"smtpServer": {"port": [587]}}),
            ("POST", "/stuf/users", {"username": "another", "enabled": "true"}),
            ("PUT", f"/stuf/users/{user}", {"requiredActions": "UPDATE_PASSWORD"}),
            ("PUT", f"/stuf/users/{user}/execute-actions-email", [7]),
            ("POST", f"/stuf/users/{user}/role-mappings/realm", [{"name": role["name"]}]),
            ("POST", "/stuf/roles", ["another"]),
        ):
            with self.subTest(f"{method} {path} with a value of another type"):
                self.assertEqual(self.identity.admin(method, path, body).status, 400)

    def test_what_a_package_sends_is_of_these_types(self) -> None:
        token = self.identity.token()
        users = json.loads((CONFIGURATION / "realm-users.json").read_text())["users"]
        for user in users:
            fields = {name: value for name, value in user.items() if name != "realmRoles"}
            answer = self.identity.admin("POST", "/stuf/users", fields, token)
            self.assertEqual(answer.status, 201, answer.text)
        known = self.identity.admin("GET", "/stuf/users?max=1000", token=token).json()
        self.assertLessEqual({user["username"].lower() for user in users}, {user["username"] for user in known})


def sample(kind: Any, types: dict[str, Any]) -> Any:
    """A value of a type; of an object, what it cannot be without."""
    if isinstance(kind, str):
        return {"string": "text", "number": 7, "boolean": True, "any": {"whatever": [7]}}[kind]
    if "named" in kind:
        return sample(types[kind["named"]], types)
    if "word" in kind:
        return kind["word"]
    if "one" in kind:
        return sample(kind["one"][-1], types)
    if "list" in kind:
        return [sample(kind["list"], types)]
    if "map" in kind:
        return {"key": sample(kind["map"], types)}
    return {name: sample(kind["fields"][name], types) for name in kind["needed"]}


def others(kind: Any, types: dict[str, Any]) -> list[Any]:
    """Values that are not of a type, below its first level too."""
    while isinstance(kind, dict) and "named" in kind:
        kind = types[kind["named"]]
    shapes = shapes_of(kind, types)
    found = [value for shape, value in SHAPES.items() if not {shape, "any"} & shapes]
    if isinstance(kind, dict) and "list" in kind:
        found += [[other] for other in others(kind["list"], types)]
    if isinstance(kind, dict) and "map" in kind:
        found += [{"key": other} for other in others(kind["map"], types)]
    if isinstance(kind, dict) and "fields" in kind:
        found.append({UNKNOWN: 1})
    return found


SHAPES = {"string": "noSuchWord", "number": 7, "boolean": True, "list": [["text"]], "object": {UNKNOWN: {}}}


def shapes_of(kind: Any, types: dict[str, Any]) -> set[str]:
    """What a value may be, on its first level; one of a few words is no text."""
    if isinstance(kind, str):
        return {kind}
    if "named" in kind:
        return shapes_of(types[kind["named"]], types)
    if "one" in kind:
        return {shape for inner in kind["one"] for shape in shapes_of(inner, types)}
    return {"list"} if "list" in kind else {"word"} if "word" in kind else {"object"}


if __name__ == "__main__":
    unittest.main()
