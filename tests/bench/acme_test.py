"""examples/acme moves to an account at Amazon: what Terraform makes there, and the whole path on it.

Run beside the stories of deploy_test.py by `make e2e`; `STUFPACK=… tools/docker-bench acme` runs it alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import unittest
from typing import Any

from . import canary, disk, mails, server
from .acme import OWN, USER, Acme, stand_around
from .deployment import Run
from .exporting import Export
from .names import ACCOUNT, LAPTOP, SERVER, SOURCE
from .network import open_port
from .outside import Person
from .paths import instance_folder
from .stories import Stories

ON_THE_MACHINE = ("preflight", "prepare", "deploy", "import")
INSTALLATION = "acme-production"
VALIDATION = "stufpack-validation"
#: Files in which a value that Terraform's state holds may stand: its own, and the one in which it was given.
TERRAFORMS_OWN = re.compile(r"terraform/.+|packages/1/terraform/\w+\.(tfplan|json)|local/terraform/.+")

#: The example's realm is written by hand: it names scopes that it does not define, and leaves out what Keycloak adds.
BY_HAND = re.compile(
    r"realm\.(clients\[stuf-\w+\]\.\w+ClientScopes|otpPolicy\w+|users\[service-account-stuf-api\]|"
    r"users\[.+\]\.realmRoles\[default-roles-stuf\])"
)


class AcmeMovesToAmazon(Stories):
    """In an account that is empty at first, on a machine that somebody else made."""

    MACHINES = (SERVER, LAPTOP, ACCOUNT, SOURCE)
    deployment: Acme
    #: The application's, once it was given.
    key: list[str]

    @classmethod
    def stand(cls) -> Acme:
        """An empty account, a bare machine, and a deployment that is still to come."""
        stand_around()
        return Acme.prepare()

    @classmethod
    def clear_away(cls) -> bool:
        """The disk goes with its machine."""
        gone = super().clear_away()
        if gone:
            disk.detach()
        return gone

    def refused(self, command: str, code: str) -> str:
        """Types a command that must be refused with this code; what it said."""
        run: Run = self.deployment.recorded(command)
        self.assertEqual(run.code, 12, f"{run.command}\n{run.output[-6000:]}")
        self.assertIn(f"error[{code}]", run.output)
        return run.output

    def nothing_was_made(self) -> None:
        """The account is as empty as it was."""
        self.assertEqual((self.deployment.account.machines(), self.deployment.account.buckets()), ([], []))

    @property
    def provision(self) -> str:
        """The command of the plan."""
        return self.deployment.command("provision")

    def test_1_the_plan_comes_first_and_nothing_is_made_before_it_is_approved(self) -> None:
        self.assertEqual([phase["id"] for phase in self.deployment.plan["phases"]][0], "provision")
        self.assertEqual(self.deployment.bootstrap().code, 0)
        said = self.refused(self.provision, "gate.closed")
        self.assertRegex(said, r"(?m)^provision/show-plan +done")
        self.assertRegex(said, r"\+\d\d ~0 -0")
        self.assertIn("./migrate approve provision", said)
        self.nothing_was_made()
        with self.subTest("a phase that works at the machine says that none is known yet"):
            self.assertIn(
                "next: ./migrate provision", self.refused(self.deployment.command("preflight"), "phase.too-early")
            )

    def test_1b_an_approval_of_one_plan_file_opens_nothing_for_another(self) -> None:
        said = self.goes_well("./migrate approve provision")
        shown = re.search(r"plan-file: (sha256:[0-9a-f]{64})", said)
        assert shown, said
        file = f"{OWN}/packages/1/terraform/plan.tfplan"
        server.inside("rm", file, place=LAPTOP)
        self.refused(self.provision, "gate.other-plan-file")
        self.nothing_was_made()
        waits = server.inside("sha256sum", file, place=LAPTOP).split()[0]
        self.assertNotEqual(shown[1], f"sha256:{waits}")
        with self.subTest("nor one that somebody put in its place"):
            self.goes_well("./migrate approve provision")
            server.inside("sh", "-euc", f"printf x >>{file}", place=LAPTOP)
            self.refused(self.provision, "gate.other-plan-file")
            self.nothing_was_made()

    def test_1c_what_was_approved_is_made_and_becomes_the_inventory(self) -> None:
        acme = self.deployment
        self.goes_well("./migrate approve provision")
        said = self.goes_well(self.provision)
        for step in ("apply-plan", "write-inventory", "archive-state"):
            self.assertRegex(said, rf"(?m)^provision/{step} +done")
        (machine,) = acme.account.machines()
        wanted = {"state": "running", "image": "ami-0d13202611010000a", "address": SERVER.address, "tokens": "required"}
        self.assertEqual({name: machine[name] for name in wanted}, wanted)
        self.assertEqual(machine["key"], server.public_key())
        sizes = sorted((size, encrypted) for _, size, encrypted in machine["disks"].values())
        self.assertEqual(sizes, [(disk.GIB, True), (30, True)])
        self.assertEqual({port for port, _ in machine["open"]}, {80, 443})
        with self.subTest("the bucket"):
            found = acme.account.bucket(acme.bucket)
            self.assertEqual((found["versioning"], found["encryption"]), ("Enabled", ["AES256"]))
            self.assertEqual(set(found["closed"].values()), {True})
            (statement,) = found["policy"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
        with self.subTest("the machine's own keys are pinned, as its console showed them"):
            lines = acme.read("inventory/target/known_hosts").splitlines()
            self.assertEqual({line.split()[0] for line in lines}, {SERVER.address})
            self.assertEqual(sorted(" ".join(line.split()[1:3]) for line in lines), server.host_keys(SERVER))
            host = found_host(json.loads(acme.read("inventory/target/hosts.json")))
            self.assertEqual((host["ansible_host"], host["ansible_user"]), (SERVER.address, USER))
        with self.subTest("the state is kept"):
            (archived,) = acme.find("terraform/archive/*.tfstate")
            kept, there = (json.loads(acme.read(path)) for path in (archived, "terraform/terraform.tfstate"))
            for part in ("lineage", "serial", "resources", "outputs"):
                self.assertEqual(kept[part], there[part])
        acme.admit()

    def test_1d_a_second_time_nothing_is_asked_and_nothing_changes(self) -> None:
        acme = self.deployment
        server.inside("rm", f"{OWN}/approve-provision", place=LAPTOP)
        before, keys = acme.account.machines(), acme.read("inventory/target/known_hosts")
        said = self.goes_well(self.provision)
        self.assertIn("nothing is to be made, changed or destroyed", said)
        self.assertIn("provision finished: 0 changes", said)
        self.assertEqual((acme.account.machines(), acme.read("inventory/target/known_hosts")), (before, keys))

    def test_1e_s03_of_a_state_that_marks_a_value_as_secret_nothing_of_it_is_recorded(self) -> None:
        acme = self.deployment
        given = acme.change()
        with self.subTest("what somebody adds is another plan, which asks again"):
            said = self.refused(self.provision, "gate.closed")
            self.assertIn("+0 ~2 -0", said)
        self.goes_well("./migrate approve provision")
        self.goes_well(self.provision)
        state = json.loads(acme.read("terraform/terraform.tfstate"))
        marked = [one for kept in state["resources"] for one in kept["instances"] if one.get("sensitive_attributes")]
        self.assertEqual([one["attributes"]["description"] for one in marked], [acme.held] * 2)
        found = canary.standing(acme.held, OWN)
        self.assertIn("terraform/terraform.tfstate", found, "nothing was looked through")
        self.assertIn(given.removeprefix(f"{OWN}/"), found)
        self.assertEqual([path for path in found if not TERRAFORMS_OWN.fullmatch(path)], [])
        with self.subTest("nor is the state, in whatever a run leaves for the record"):
            operations = canary.operations(INSTALLATION)
            self.assertEqual({folder.name.partition("-")[2] for folder in operations}, {"provision"})
            self.assertEqual([path for folder in operations for path in folder.rglob("*tfstate*")], [])
            shown = [path for folder in operations for path in folder.glob("evidence/reports/terraform-plan.json")]
            last = json.loads(shown[-1].read_bytes())
            self.assertRegex(last.pop("plan"), r"^sha256:[0-9a-f]{64}$")
            self.assertEqual(last, {"made": 0, "changed": 2, "destroyed": 0, "lost": [], "applies": True})
        with self.subTest("a log that told it would leave no record of its run"):
            known = canary.held("acme-production")
            rules = {f"Terraform's aws_vpc_security_group_ingress_rule.{rule}" for rule in ("http", "https")}
            self.assertEqual({rule: known.get(rule) for rule in rules}, {rule: [acme.held.encode()] for rule in rules})
        # From here on IAM is asked: what runs at the machine has the application's key, and no other.
        AcmeMovesToAmazon.key = acme.give_storage_key(f"{acme.bucket.removesuffix('-uploads')}-api")
        acme.account.check_everybody()

    @canary.talkative(INSTALLATION)
    def test_2_every_phase_ends_well_as_the_plan_prints_it(self) -> None:
        for phase in ON_THE_MACHINE:
            with self.subTest(phase):
                self.goes_well(self.deployment.command(phase))
        with self.subTest("content"):
            self.goes_well("./migrate approve content")
            self.goes_well(self.deployment.command("content"))
            self.counts_add_up()
        for phase in ("invite", "verify"):
            with self.subTest(phase):
                self.goes_well(self.deployment.command(phase))
        with self.subTest("nobody reaches the machine's port for SSH, which all of this went through"):
            self.assertFalse(open_port(SERVER.address, 22))

    def test_2_s04_ansible_at_its_most_talkative_tells_no_secret_when_it_makes_them(self) -> None:
        told = canary.talkative_logs(INSTALLATION)
        made_or_carried = {
            "prepare-make-secrets",
            "deploy-start-identity",
            "invite-send-invitations",
            "content-place-read-key",
        }
        self.assertLessEqual(made_or_carried | {"import-read-back", "verify-sign-in"}, set(told))
        everything = b"\n".join(canary.logs(INSTALLATION).values())
        self.assertEqual(canary.search({"logs": everything}, INSTALLATION), [])
        self.assertEqual(canary.made(everything), [])
        with self.subTest("and a planted one is found"):
            hits = canary.search({"logs": everything + canary.LEAK}, INSTALLATION)
            self.assertIn("secrets/architect/secrets/mail_password", "".join(hits))
            self.assertEqual(len(canary.made(everything + canary.LEAK)), 2)

    def test_2b_containers_and_journal_lie_on_the_data_disk_which_is_never_emptied(self) -> None:
        self.assertTrue(disk.holds("/var/lib/docker"))
        self.assertTrue(disk.holds("/var/lib/stufpack"))
        before = disk.identity()
        for phase in ("prepare", "deploy"):
            with self.subTest(f"{phase} a second time"):
                changes = self.succeeds(phase).changes
                self.assertEqual({step: count for step, count in changes.items() if count}, {})
        self.assertEqual(disk.identity(), before)
        images = server.inside("docker", "ps", "--format", "{{.Image}}")
        self.assertNotIn("garage", images)

    def test_3_the_bucket_holds_every_file_as_it_was_and_the_documents_and_nothing_else(self) -> None:
        acme = self.deployment
        objects = acme.account.objects(acme.bucket)
        about = ("size", "sha256", "content_type", "metadata")
        files = {item["key"]: {name: item[name] for name in about} for item in acme.source["objects"]}
        self.assertEqual({key: one for key, one in objects.items() if key in files}, files)
        (imported,) = [folder for folder in canary.operations(INSTALLATION) if folder.name.endswith("-import")]
        documents = json.loads((imported / "evidence/reports/after/documents.json").read_bytes())
        self.assertEqual({key for key in objects if key not in files}, set(documents))
        self.assertEqual(acme.account.bucket(acme.bucket)["unfinished"], 0)
        with self.subTest("the application's key can do that, and nothing else"):
            tried = acme.account.tries(self.key, acme.bucket)
            wanted = {"head": 200, "list": 200, "policy": 403, "open": 403, "other": 403, "users": 403}
            self.assertEqual(tried, wanted)

    def test_4_an_invited_user_works_with_files_that_lie_in_the_bucket(self) -> None:
        acme = self.deployment
        stuf = acme.stuf()
        user, collection = next(
            (user, name)
            for user in acme.users()
            for name, allowed in claims_of(user).items()
            if user["enabled"] and {"read", "write", "delete"} <= set(allowed) and name != VALIDATION
        )
        person = Person(user["username"])
        self.assertIn("updated", stuf.follow_invitation(mails.to(user["email"].lower()).link(), person).text)
        token = str(stuf.sign_in(person)["access_token"])
        data = bytes(range(256)) * 2048
        sent = stuf.upload(token, collection, "as built #1 (final).bin", data, {"comment": "bench"})
        self.assertEqual(sent.status, 200, sent.text)
        name = str(sent.json()["object_name"])
        there = acme.account.objects(acme.bucket)[name]
        self.assertEqual((there["sha256"], there["metadata"]["comment"]), (hashlib.sha256(data).hexdigest(), "bench"))
        fetched = stuf.download(token, name)
        self.assertEqual((fetched.status, fetched.body), (200, data))
        with self.subTest("and so do those that were copied"):
            file = next(
                item
                for item in acme.source["objects"]
                if item["key"].startswith(f"{collection}/") and item["key"].isascii()
            )
            fetched = stuf.download(token, file["key"])
            self.assertEqual((fetched.status, hashlib.sha256(fetched.body).hexdigest()), (200, file["sha256"]))

    def test_4b_what_runs_is_exported_from_there_and_differs_as_the_ledger_says(self) -> None:
        exported = Export.of(self.succeeds("export", "--digests"))
        self.assertEqual(exported.findings(), set())
        uploaded = [key for key, row in exported.inventory.items() if row["metadata"].get("comment") == "bench"]
        self.assertEqual(len(uploaded), 1)
        work = instance_folder() / "acme"
        found = exported.differs_from(work / "export", "--target", work / "target.json")
        # sshd listens there too, behind rules that let nobody in.
        self.assertEqual(
            [path for path in found if not BY_HAND.fullmatch(path)],
            [f"content[{uploaded[0]}]", "spec.content.bytes", "spec.content.objects", "spec.exposure.ports"],
        )

    def test_5_keys_stand_where_they_were_given_and_every_run_can_be_recorded(self) -> None:
        acme = self.deployment
        self.assertEqual(canary.standing(acme.account.key[1], OWN), set())
        self.assertEqual(canary.standing(self.key[1], OWN), {"secrets/storage_secret_key"})
        operations = canary.operations(INSTALLATION)
        left = {folder.name.partition("-")[2] for folder in operations}
        self.assertLessEqual({"provision", "prepare", "deploy", "import", "content", "verify"}, left)
        checked = canary.record(operations, "acme", "acme")
        self.assertEqual(checked.returncode, 0, checked.stdout.decode())

    def test_6_abort_with_delete_data_leaves_account_and_bucket_as_they_are(self) -> None:
        acme = self.deployment
        before = acme.account.objects(acme.bucket)
        run = self.succeeds("abort", "--delete-data")
        self.assertEqual(server.inside("docker", "ps", "--all", "--quiet"), "")
        self.assertEqual(acme.account.objects(acme.bucket), before)
        self.assertIn(acme.bucket, run.output)


def found_host(inventory: Any) -> dict[str, Any]:
    """What an inventory says of its one host, however deep that stands."""
    if isinstance(inventory, dict):
        if "ansible_host" in inventory:
            return inventory
        for part in inventory.values():
            if host := found_host(part):
                return host
    return {}


def claims_of(user: dict[str, Any]) -> dict[str, list[str]]:
    """What a user of the package may do, by collection."""
    claim = user["attributes"].get("collections")
    return dict(json.loads(claim[0])) if claim else {}


if __name__ == "__main__":
    unittest.main()
