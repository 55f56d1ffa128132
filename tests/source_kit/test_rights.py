"""What the kit's page has its operator allow, judged as AWS judges it: enough for what the kit asks, and no more.

No store that runs here knows boundaries, so the few rules of AWS that these policies rest on are written down:
something is allowed where one statement names the action, the resource and every condition; nothing denies.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import unittest
import urllib.parse
from typing import Any
from unittest.mock import patch

from kit import MachineTest, document, example, iam, program

settings, store = program("settings"), program("store")

STORAGE = example()["storage"]
BOUNDARY = STORAGE["readers_boundary"]
ACCOUNT = BOUNDARY.split(":")[4]
BUCKET = f"arn:aws:s3:::{STORAGE['bucket']}"
#: The kit's own user, where the page's commands make it.
ITSELF = f"arn:aws:iam::{ACCOUNT}:user/stuf-source-kit"
KEY = "<AccessKeyId>AKIA1</AccessKeyId><SecretAccessKey>none</SecretAccessKey>"
READER = f"arn:aws:iam::{ACCOUNT}:user{store.PATH}stuf-source-read-1a2b3c4d"


def policy(name: str) -> dict[str, Any]:
    """A policy of the page, with what the example of the settings has."""
    text = json.dumps(document(name))
    for word, value in {"BUCKET": STORAGE["bucket"], "REGION": STORAGE["region"], "ACCOUNT": ACCOUNT}.items():
        text = text.replace(word, value)
    found: dict[str, Any] = json.loads(text)
    return found


def listed(value: str | list[str]) -> list[str]:
    """One or several, as a list."""
    return [value] if isinstance(value, str) else value


def allows(judged: dict[str, Any], action: str, resource: str, **context: str) -> bool:
    """Whether a policy allows it; a condition that nothing is known of fails."""

    def fits(statement: dict[str, Any]) -> bool:
        equal = statement.get("Condition", {"StringEquals": {}})["StringEquals"]
        return (
            action in listed(statement["Action"])
            and any(fnmatch.fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
            and all(context.get(name.rpartition(":")[2]) == value for name, value in equal.items())
        )

    assert all(statement["Effect"] == "Allow" for statement in judged["Statement"])
    return any(fits(statement) for statement in judged["Statement"])


class Account:
    """IAM and S3 of an account that allows what the page says, and who was asked for what."""

    def __init__(self) -> None:
        self.rights = policy("kit")
        #: Users by name, with their boundary.
        self.users: dict[str, str] = {}
        self.asked: set[str] = set()

    def ask(self, _: object, where: str, key: object, method: str, *rest: Any) -> Any:
        """In the place of the request."""
        body, service = rest[-2:]
        if service == "s3":
            verb = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}[method]
            told = (200, b'{"Statement": []}') if method == "GET" else (204, b"")
            return self.judged(f"s3:{verb}BucketPolicy", BUCKET, *told)
        fields = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
        name, action = fields["UserName"], fields["Action"]
        if action == "CreateUser":
            self.users[name] = fields.get("PermissionsBoundary", "")
        known = {"PermissionsBoundary": self.users.get(name, "")}
        resource = f"arn:aws:iam::{ACCOUNT}:user{store.PATH}{name}"
        return self.judged(f"iam:{action}", resource, 200, iam(f"{action}Response", KEY), **known)

    def judged(self, action: str, resource: str, good: int, body: bytes, **context: str) -> Any:
        """The answer to what is allowed or not."""
        self.asked.add(action)
        if not allows(self.rights, action, resource, **context):
            return store.Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        return store.Answer(good, body)


class Rights(MachineTest):
    def setUp(self) -> None:
        super().setUp()
        self.account = Account()
        for name in ("access_key_file", "secret_key_file"):
            (self.root / name).write_text("x")
        self.storage = STORAGE | {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        self.settle(storage=self.storage)
        self.enterContext(patch.object(store.Store, "_ask", lambda *words: self.account.ask(*words)))

    def store(self) -> Any:
        """The store as the settings name it."""
        return store.Store(settings.read(self.places.settings).storage)

    def test_the_kit_needs_each_of_its_rights_and_no_other(self) -> None:
        there = self.store()
        there.add_reader("stuf-source-read-1a2b3c4d", "2999-01-01T00:00:00Z")
        self.assertEqual(self.account.users, {"stuf-source-read-1a2b3c4d": BOUNDARY})
        there.remove_reader("stuf-source-read-1a2b3c4d")
        there.policy()
        there.set_policy({"Version": "2012-10-17", "Statement": []})
        there.set_policy(None)
        granted = {one for statement in policy("kit")["Statement"] for one in listed(statement["Action"])}
        self.assertEqual(self.account.asked, granted)

    def test_a_reader_without_the_boundary_is_refused_and_an_older_one_can_be_taken_away(self) -> None:
        for other in (f"{BOUNDARY}-2", "arn:aws:iam::210987654321:policy/stuf-source-readers"):
            self.settle(storage=self.storage | {"readers_boundary": other})
            with self.assertRaisesRegex(store.SourceError, "CreateUser was answered with 403 AccessDenied"):
                self.store().add_reader("stuf-source-read-1a2b3c4d", "2999-01-01T00:00:00Z")
        self.account.users["stuf-source-read-00000000"] = ""
        self.store().remove_reader("stuf-source-read-00000000")

    def test_whoever_has_the_kits_key_gets_no_right_that_a_reader_has_not(self) -> None:
        rights, bounded = policy("kit"), {"PermissionsBoundary": BOUNDARY}
        elsewhere = f"arn:aws:iam::{ACCOUNT}:user/somebody"
        for action, resource, context in (
            ("CreateUser", READER, {}),
            ("CreateUser", READER, {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            ("CreateUser", elsewhere, bounded),
            ("PutUserPolicy", READER, {}),
            ("PutUserPolicy", elsewhere, bounded),
            ("PutUserPolicy", ITSELF, {}),
            ("CreateAccessKey", elsewhere, bounded),
            ("CreateAccessKey", ITSELF, {}),
            ("DeleteUserPolicy", ITSELF, {}),
            ("PutUserPermissionsBoundary", READER, bounded),
            ("DeleteUserPermissionsBoundary", READER, bounded),
            ("AttachUserPolicy", READER, bounded),
            ("AddUserToGroup", READER, bounded),
            ("CreateLoginProfile", READER, bounded),
            ("CreatePolicyVersion", BOUNDARY, {}),
            ("SetDefaultPolicyVersion", BOUNDARY, {}),
            ("DeletePolicy", BOUNDARY, {}),
        ):
            with self.subTest(f"{action} {resource} {context}"):
                self.assertFalse(allows(rights, f"iam:{action}", resource, **context))
        self.assertFalse(allows(rights, "s3:PutBucketPolicy", "arn:aws:s3:::another"))
        self.assertFalse(allows(rights, "s3:GetObject", f"{BUCKET}/a"))
        self.assertNotIn("*", "".join(one for part in rights["Statement"] for one in listed(part["Action"])))

    def test_the_boundary_is_what_a_reader_is_given_but_for_its_end(self) -> None:
        reading = store.reading(settings.read(self.places.settings).storage, "2999-01-01T00:00:00Z")
        given = json.loads(json.dumps(reading))
        for statement in given["Statement"]:
            self.assertEqual(statement["Condition"].pop("DateLessThan"), {"aws:CurrentTime": "2999-01-01T00:00:00Z"})
            if not statement["Condition"]:
                del statement["Condition"]
        self.assertEqual(policy("readers"), given)

    def test_settings_from_before_the_boundary_issue_nothing_and_take_away(self) -> None:
        self.does("freeze")
        credential = program("credentials").Credential(
            "read-00000000", "source-read", "2026-11-19T21:04:00Z", "ssh-ed25519 AAAA", "stuf-source-read-00000000"
        )
        program("credentials").Register(self.places).keep(credential)
        older = {name: value for name, value in self.storage.items() if name != "readers_boundary"}
        self.settle(storage=older)
        self.does("unfreeze")
        self.does("revoke", "read-00000000")
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        code, said, told = self.by_root("issue", "source-read", "until", f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}")
        self.assertEqual((code, said, "part 2, write it into the settings" in told), (12, "", True), told)
        self.assertEqual(program("credentials").Register(self.places).names(), [])

    def test_a_boundary_that_is_no_policy_of_an_account_is_refused(self) -> None:
        for wrong in ("stuf-source-readers", "arn:aws:iam::aws:policy/AdministratorAccess", f"{BOUNDARY}\n", ""):
            self.settle(storage=self.storage | {"readers_boundary": wrong})
            with self.subTest(wrong), self.assertRaisesRegex(store.SourceError, "readers_boundary"):
                settings.read(self.places.settings)


if __name__ == "__main__":
    unittest.main()
