"""A package deploys for real: story by story on a fresh server, from outside, through TLS. Run by `make e2e`."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import time
import unittest
import urllib.parse
from pathlib import Path

from . import browsing, canary, content, crowd, engine, hosted, mails, network, recording, server, source, two_machines
from .deployment import PACKAGE, STATE, Deployment, program
from .exporting import TRACES, Export, change_document, keys_below, put_object, toggle_role
from .keycloak import administer, toggle_management
from .names import BROWSER, DOMAIN, HOSTED, INSTALLATION, LAPTOP, OPERATOR, SENTRY, SERVER, STRANGER, ZULIP
from .outside import NotSignedIn, Person, claims
from .paths import CACHE, INSTANCE, REPOSITORY, instance_folder
from .shell import run, wait_for

BEFORE_CONTENT = ("bootstrap", "preflight", "prepare", "deploy", "import")
VALIDATION = "stufpack-validation"
CHANGING = ("prepare", "deploy", "import", "invite")
VOLUMES = {"stuf_postgres", "stuf_garage_meta", "stuf_garage_data", "stuf_caddy_data", "stuf_caddy_config", "stuf_spa"}


class ItDeploys(two_machines.TwoMachines):
    """From the hosted side's machine to one that its owner names, and down again."""

    MACHINES = (SERVER, LAPTOP, OPERATOR, STRANGER, BROWSER, ZULIP, SENTRY, HOSTED)
    invited: Person
    exported: Export
    seen: canary.Seen

    @classmethod
    def stand(cls) -> Deployment:
        """Names, registry, mail, and a deployment that is still to come."""
        engine.start()
        network.start()
        mails.forget()
        return Deployment.prepare()

    def test_0_what_the_hosted_side_exports_is_what_stands_there(self) -> None:
        exported = Export(instance_folder() / "deployment" / "export")
        self.assertEqual(exported.findings(), set())
        self.assertEqual(exported.inventory, {item["key"]: item for item in self.deployment.source["objects"]})
        # Its settings and people are those of the example, which was imported there.
        example = REPOSITORY / "examples" / "harbour" / "export"
        ours = ("content", "spec.content", "spec.exposure", "spec.application", "spec.notifications.sentry", "realm")
        differing = exported.differs_from(example, bytes_too=False)
        self.assertEqual([path for path in differing if not path.startswith(ours)], [])

    def test_1_every_phase_ends_well_as_the_plan_prints_it(self) -> None:
        with canary.neighbour() as seen:
            for phase in BEFORE_CONTENT:
                with self.subTest(phase):
                    self.goes_well(self.deployment.command(phase))
            with self.subTest("content"):
                self.copies_in_two_parts()
            with self.subTest("invite"):
                self.goes_well(self.deployment.command("invite"))
            with self.subTest("verify"):
                self.only_times_may_warn(self.goes_well(self.deployment.command("verify")))
                self.goes_well("./migrate status")
        ItDeploys.seen = seen

    def test_1b_the_recording_of_the_readme_goes_the_same_way(self) -> None:
        fresh = self.deployment.recording.page()
        file = self.deployment.recording.write()
        self.assertEqual(canary.search({"recording": fresh.encode()}), [])
        for ours in (REPOSITORY, CACHE, INSTANCE):
            self.assertNotIn(str(ours), fresh, "the recording tells of this machine")
        if stale := recording.stale(fresh):
            self.fail(f"the migration goes another way; read {file}, then: {recording.ACCEPT}\n{stale}")

    def only_times_may_warn(self, said: str) -> None:
        """How fast it answers is also the affair of the machine that runs the tests; nothing else of a verify is."""
        told = re.search(r"(?m)^report: \w+, (\S+)\.html ", said)
        assert told, said
        report = json.loads(server.inside("cat", f"{told[1]}.json", place=LAPTOP))
        seen = {check["id"]: check["verdict"] for check in report["checks"]}
        self.assertIn("times/p95", seen)
        self.assertEqual([id for id, verdict in seen.items() if verdict in ("warn", "fail") and id != "times/p95"], [])

    def copies_in_two_parts(self) -> None:
        """The content: Ctrl-C leaves the copy running, a hold stops it at the end of a batch (O16), then it goes on."""
        command = self.deployment.command("content")
        run = self.deployment.recorded(command)
        self.assertEqual(run.code, 12, run.output)
        self.assertIn("error[gate.closed]", run.output)
        self.goes_well("./migrate approve content")
        begun = time.monotonic()
        with content.started(f"cd {PACKAGE} && exec {command} 2>&1") as first:
            wait_for("some batches", lambda: len((content.state("batches.json") or {"done": []})["done"]) > 2, 120)
            server.inside("pkill", "-INT", "-o", "-f", "infrastructure/controller", place=LAPTOP)
            said = first.communicate()[0].decode()
        self.deployment.recording.add(command, first.returncode, time.monotonic() - begun, said)
        self.assertEqual(first.returncode, 11, said)
        self.assertIn("The target machine goes on with content/copy-batches", said)
        self.assertEqual(content.unit_state(), "active", said)
        self.assertIn("the copy at the target stops at the end of its batch", self.goes_well("./migrate hold"))
        wait_for("the end of the batch", lambda: content.state("progress.json")["state"] == "paused", 60)
        self.assertIn("content: copy:", self.goes_well("./migrate status"))
        self.assertEqual(self.succeeds("status").document["target"]["content"], content.state("progress.json"))
        done = content.state("batches.json")["done"]
        self.assertLess(len(done), self.deployment.plan["content"]["batches"][-1]["number"])
        self.assertEqual(self.deployment.recorded(command).code, 11)
        self.goes_well("./migrate resume")
        self.assertRegex(self.goes_well(command), r"(?m)^content/remove-read-key +done")
        self.counts_add_up()

    def test_1b_the_record_of_the_deployment_names_the_images_that_run(self) -> None:
        recorded = self.recorded_images("deploy")
        self.assertEqual(recorded, network.release())
        asked = server.inside("docker", "ps", "--no-trunc", "--format", "{{.Image}}").split()
        self.assertEqual(sorted(asked), sorted(image for name, image in recorded.items() if name != "spa"))

    def recorded_images(self, phase: str) -> dict[str, str]:
        """What the newest operation folder of a phase says of the images that run."""
        folders = f"{STATE}/harbour-production/packages/*/operations"
        path = server.inside("sh", "-c", f"ls -td {folders}/*-{phase}/images.json | head -n 1", place=LAPTOP).strip()
        found: dict[str, str] = json.loads(server.inside("cat", path, place=LAPTOP))
        return found

    @canary.talkative()
    def test_2_a_second_time_nothing_changes(self) -> None:
        for phase in CHANGING:
            with self.subTest(phase):
                changes = self.succeeds(phase).changes
                self.assertEqual({step: count for step, count in changes.items() if count}, {})
        with self.subTest("content, of which nothing is sent again"):
            changes = self.succeeds("content").changes
            self.assertEqual((changes["content/copy-batches"], changes["content/prove-batches"]), (0, 0))
            self.counts_add_up()

    def test_2b_one_changed_byte_at_the_target_fails_and_names_its_file(self) -> None:
        file, other = source.plain(self.deployment.source)[:2]
        key = file["key"]
        added = f"{key}.late"
        content.change(key)
        source.change(self.deployment.source, added, "add")
        source.change(self.deployment.source, other["key"], "application/x-changed")
        run = self.deployment.migrate("content")
        self.assertEqual((run.code, run.document["steps"][-1]["id"]), (1, "content/prove-batches"), run.output[-6000:])
        said = "\n".join(run.document["steps"][-1]["failures"])
        self.assertIn(f"differs: {json.dumps(key)}, other bytes", said)
        with self.subTest("and what was added or changed at the source meanwhile is carried and proven"):
            self.assertIn("delta: 2 objects added or changed, 0 gone at the source", said)
            types = (content.content_type(added), content.content_type(other["key"]))
            self.assertEqual(types, ("text/plain", "application/x-changed"))
            counts = content.state("report.json")["counts"]
            self.assertEqual((counts["verified"], counts["differs"]), (len(self.deployment.source["objects"]), 1))
        # Repeated, the step carries the file again and proves it; and what is taken back at the source goes.
        source.change(self.deployment.source, added, "remove")
        source.change(self.deployment.source, other["key"], other["content_type"])
        self.assertEqual(self.succeeds("content").changes["content/prove-batches"], 1)
        self.counts_add_up()
        types = (content.content_type(added), content.content_type(other["key"]))
        self.assertEqual(types, (None, other["content_type"]))

    @canary.talkative()
    def test_2_changed_bytes_are_found_where_they_are_used(self) -> None:
        placed = "/opt/stuf/configuration/integration-config/realm-users.json"
        files = f"/opt/stuf/configuration/spa-config/config.js {placed}"
        server.inside("sh", "-euc", f"for file in {files}; do cp $file /root/; printf ' ' >>$file; done")
        user = self.deployment.users()[0]
        administer(user["username"], lastName=f"{user['lastName']}x", attributes={**user["attributes"], "shift": ["2"]})
        toggle_role(user["username"], "project-participant", {"accessTokenLifespan": 299})
        administer("late.comer", email=f"late.comer@{DOMAIN}", enabled=True)
        toggle_management("stuf-api", "view-users")
        put_object(f"{VALIDATION}/left/behind.json")
        run = self.deployment.migrate("verify")
        self.assertEqual(keys_below(f"{VALIDATION}/"), [])
        report = self.deployment.report(run)
        found = {word: [one["id"] for one in report["checks"] if one["verdict"] == word] for word in ("fail", "warn")}
        changed = ["fields", "attributes", "roles", "realm"]
        wanted = ["placed/files", *(f"identity/{kind}" for kind in changed), "served/config.js"]
        self.assertEqual((run.code, report["verdict"], found["fail"]), (1, "fail", wanted))
        # What is read at the server is the package's, or it proves nothing: its very file is named.
        observed = {one["id"]: one["observed"] for one in report["checks"]}
        self.assertEqual(observed["placed/files"], f"1 otherwise ({placed}: other bytes)")
        # Which of both is faster is the machine's affair (pass or warn); that both were measured is not.
        self.assertRegex(str(observed["times/p95"]), r"^\d+ ms here, \d+ ms at the source$")
        # Somebody whom only the target knows is kept, and told of.
        self.assertIn("identity/others", found["warn"])
        told = json.loads(server.inside("cat", "/var/lib/stufpack/users-otherwise.json"))
        self.assertEqual(told["late.comer"], ["identity/others"])
        wrong = ["identity/attributes", "identity/fields", "identity/roles"]
        self.assertEqual(sorted(told[user["username"].lower()]), wrong)
        # What opens the realm is told by its name.
        self.assertIn("identity/opened", found["warn"])
        opened = "beside it: clients.stuf-api.serviceAccount.realm-management/view-users"
        self.assertEqual(observed["identity/opened"], opened)
        toggle_management("stuf-api", "view-users")
        administer("late.comer", gone=True)
        server.inside("sh", "-euc", f"for file in {files}; do cat /root/$(basename $file) >$file; done")
        # An import puts users right, and leaves the realm as it is.
        toggle_role(user["username"], "project-participant", {"accessTokenLifespan": 300})
        # As a validation leaves it that was interrupted: the import would find somebody who reaches what nobody may.
        left = {"collections": [json.dumps({VALIDATION: ["read"]})]}
        called = {"firstName": "Stufpack", "lastName": "Validation", "email": f"{VALIDATION}-1@{DOMAIN}"}
        administer(f"{VALIDATION}-1", enabled=True, attributes=left, **called)
        changes = self.succeeds("import").changes
        self.assertEqual({step: count for step, count in changes.items() if count}, {"import/import-users": 1})

    def test_2_s04_ansible_at_its_most_talkative_tells_no_secret(self) -> None:
        told = canary.talkative_logs()
        carry = {"prepare-make-secrets", "deploy-start-identity", "invite-send-invitations", "content-place-read-key"}
        sign_in = {"import-read-back", "verify-read-documents", "verify-sign-in", "verify-refuse-strangers"}
        self.assertLessEqual({*carry, *sign_in}, set(told))
        # Of these a password was an argument on the server, and what came back from there was told.
        for name in sign_in:
            for text in told[name]:
                self.assertIn(b"VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", text, name)
        everything = b"\n".join(canary.logs().values())
        self.assertEqual(canary.search({"logs": everything}), [])
        self.assertEqual(canary.made(everything), [])
        with self.subTest("and a planted one is found, wherever it was made"):
            planted = everything + canary.LEAK
            owners = ("architect", "server", "hosted")
            hits = {hit.partition(",")[0] for hit in canary.search({"logs": planted})}
            values = {f"secrets/{owner}/secrets/mail_password (base64) in logs" for owner in owners}
            self.assertEqual(hits, values | {"JSON Web Token (plain) in logs"})
            self.assertEqual(len(canary.made(planted)), 2)

    def test_2_messages_arrived_once_of_the_import_and_once_of_each_verification(self) -> None:
        zulip, sentry = network.received_messages("zulip"), network.received_messages("sentry")
        verified = self.times_done("verify/send-messages")
        self.assertGreater(verified, 1)
        self.assertGreater(self.times_done("import/send-messages"), 1)
        self.assertEqual(["imported" in one["content"] for one in zulip], [True] + [False] * verified)
        self.assertEqual(sorted(one["tags"]["stufpack.event"] for one in sentry), ["import"] + ["verify"] * verified)
        with self.subTest("and tell nothing of people"):
            told = json.dumps([[one["content"] for one in zulip], sentry], ensure_ascii=False).lower()
            named = [user[key].lower() for user in self.deployment.users() for key in ("username", "email")]
            self.assertEqual([word for word in named if word and word in told], [])

    def times_done(self, step: str) -> int:
        """In how many runs of this package a step came to its end, as the journal has it."""
        journal = server.inside("cat", f"{STATE}/harbour-production/packages/1/journal.jsonl", place=LAPTOP)
        lines = [json.loads(line) for line in journal.splitlines()]
        return sum((line["step"], line["state"]) == (step, "done") for line in lines)

    def test_3_from_outside_only_the_proxy_and_ssh_answer(self) -> None:
        self.assertEqual(network.open_ports(SERVER.address, range(1, 10_001)), {22, 80, 443})

    def test_3b_pages_are_asked_for_anew_and_their_parts_are_kept(self) -> None:
        outside, origin = self.deployment.outside(), f"https://{DOMAIN}"
        page = outside.ask("GET", f"{origin}/")
        part = page.text.partition('src="/assets/')[2].partition('"')[0]
        wanted = {"/": "no-cache", "/any/where": "no-cache", f"/assets/{part}": "public, max-age=31536000, immutable"}
        answers = {path: outside.ask("GET", origin + path) for path in wanted}
        self.assertEqual({path: one.header("Cache-Control") for path, one in answers.items()}, wanted)
        self.assertEqual({one.status for one in answers.values()}, {200})
        missing = outside.ask("GET", f"{origin}/assets/missing.js")
        self.assertEqual((missing.status, missing.header("Cache-Control")), (404, "no-store"))

    def test_4_an_invited_user_sets_password_and_second_factor_and_works_with_files(self) -> None:
        stuf = self.deployment.stuf()
        people = [user for user in self.deployment.users() if user["enabled"] and writable(user)]
        architects = [user for user in people if "trust-architect" in user["realmRoles"]]
        self.assertEqual([one for one in people if VALIDATION in writable(one)], architects)
        user = architects[0]
        person = ItDeploys.invited = Person(user["username"])
        mail = mails.to(user["email"].lower())
        self.assertTrue(mail.encrypted)
        self.assertTrue(mail.link().startswith(f"https://{DOMAIN}/auth/realms/"))
        self.assertIn("updated", stuf.follow_invitation(mail.link(), person).text)
        self.assertIsNotNone(person.code_secret, "no second factor was asked for")
        token = str(stuf.sign_in(person)["access_token"])
        self.assertEqual(claims(token)["preferred_username"], user["username"])
        collection = writable(user)[0]
        data = bytes(range(256)) * 4096
        sent = stuf.upload(token, collection, "as built #1 (final).bin", data, {"comment": "bench"})
        self.assertEqual(sent.status, 200, sent.text)
        name = str(sent.json()["object_name"])
        fetched = stuf.download(token, name)
        self.assertEqual((fetched.status, fetched.body), (200, data))
        self.assertTrue(name.startswith(f"{collection}/{user['username']}/"))
        # Left there: no export and no comparison sees it.
        tried = stuf.upload(token, VALIDATION, "tried.bin", b"tried", {})
        self.assertEqual(tried.status, 200, tried.text)

    def test_4b_a_browser_signs_in_with_a_second_factor_uploads_sees_and_downloads(self) -> None:
        stuf, person = self.deployment.stuf(), self.invited
        collection = writable(next(user for user in self.deployment.users() if user["username"] == person.username))[0]
        data = "Länge;Breite\r\n54,1;7,9\r\n".encode() * 20_000
        file = browsing.Upload("survey (final), v2.csv", "text/csv", data, {"comment": "by hand"})
        browsing.start()
        told = browsing.visit(stuf, person, collection, file)
        with self.subTest("led to the sign-in of the deployed name, and back"):
            said = told["signedIn"]
            self.assertEqual((said["path"], said["back"]), ("/sign-in", f"{stuf.origin}/"))
            self.assertTrue(said["asked"].startswith(f"{stuf.identity}/"), said["asked"])
            self.assertEqual(said["server"], {"ipAddress": SERVER.address, "port": 443})
            shown = (said["protocol"], said["subjectName"], said["issuer"])
            self.assertEqual(shown, ("TLS 1.3", DOMAIN, "Bench authority public"))
        with self.subTest("the file arrives with what was said of it, is seen, and comes back"):
            sent = told["uploaded"]
            self.assertTrue(sent["object_name"].startswith(f"{collection}/{person.username}/"), sent)
            said = sent["metadata"]
            self.assertEqual((said["comment"], said["original_filename"]), ("by hand", file.name))
            stored = sent["object_name"].rpartition("/")[2]
            self.assertEqual(told["cells"], [stored.partition("-")[2], person.username, str(len(data))])
            digest = hashlib.sha256(data).hexdigest()
            self.assertEqual(told["downloaded"], {"name": stored, "sha256": digest})
        with self.subTest("deleted by the page, it is gone: what is exported later does not know it"):
            self.assertNotIn(sent["object_name"], keys_below(f"{collection}/"))
        with self.subTest("one origin, and nothing to complain about"):
            self.assertEqual((told["origins"], told["complaints"]), ([stuf.origin], []))
            self.assertEqual(told["framed"], {"origin": stuf.origin, "error": "login_required"})
        with self.subTest("what is kept is the tab's own, or the identity's alone"):
            kept = told["during"].pop("kept")
            session = [f"oidc.user:{stuf.identity}:stuf-spa"]
            self.assertEqual(told["during"], {"local": [], "session": session, "cookies": ""})
            self.assertEqual(told["after"], {"local": [], "session": [], "cookies": ""})
            self.assertNotEqual(kept, [])
            for cookie in kept:
                limits = (cookie["domain"], cookie["path"], cookie["secure"], cookie["httpOnly"])
                self.assertEqual(limits, (DOMAIN, "/auth/realms/stuf/", True, True), cookie["name"])
        with self.subTest("what must not work does not, and would have been told"):
            tried = told["misbehaved"]
            refused = (tried["renewed"], tried["injected"], tried["distrusted"])
            self.assertEqual(refused, (400, False, "net::ERR_CERT_AUTHORITY_INVALID"))
            for complaint in ("script", "connect-src", "failed: https://registry", "answered: https://"):
                self.assertTrue([one for one in tried["complaints"] if complaint in one], (complaint, tried))

    def test_5_a_disabled_user_is_not_invited_and_is_refused(self) -> None:
        stuf = self.deployment.stuf()
        disabled = next(user for user in self.deployment.users() if not user["enabled"])
        everyone = {address for mail in mails.received() for address in mail.recipients}
        self.assertNotIn(disabled["email"].lower(), everyone)
        person = Person(disabled["username"])
        administer(person.username, password=person.password)
        with self.assertRaises(NotSignedIn) as refused:
            stuf.sign_in(person)
        self.assertIn("disabled", refused.exception.answer.text)
        with self.subTest("and so is one who was invited and is disabled later"):
            administer(self.invited.username, enabled=False)
            with self.assertRaises(NotSignedIn):
                stuf.sign_in(self.invited)
            administer(self.invited.username, enabled=True)

    def test_5b_what_runs_is_exported_differs_as_the_ledger_says_and_compiles_again(self) -> None:
        exported = ItDeploys.exported = Export.of(self.succeeds("export", "--digests"))
        # The bench's disk is whatever it is; nothing else may be found.
        self.assertLessEqual(exported.findings(), {"exposure.rest"})
        uploaded = [row for row in exported.inventory.values() if row["metadata"].get("comment") == "bench"]
        self.assertEqual([row["size"] for row in uploaded], [256 * 4096])
        self.assertEqual(len(exported.compiles("next.harbour.example")), 1)
        # The one file that was uploaded since; of all else, each file's bytes included, what the ledger says alone.
        work = instance_folder() / "deployment"
        self.assertEqual(
            exported.differs_from(work / "export", "--target", work / "target.json"),
            [f"content[{uploaded[0]['key']}]", "spec.content.bytes", "spec.content.objects"],
        )
        for trace in TRACES:
            self.assertFalse(engine.docker_ok("exec", SERVER.container, "test", "-e", trace), trace)
        logs = server.inside("sh", "-c", f"cat {STATE}/harbour-production/packages/*/logs/*-export-*.log", place=LAPTOP)
        self.assertIn(f"{len(self.deployment.users())} users, ", logs)
        for user in self.deployment.users():
            self.assertNotIn(user["email"], logs)

    def test_5c_what_is_changed_by_hand_is_what_diff_names(self) -> None:
        user = next(user for user in self.deployment.users() if user["realmRoles"] == ["project-participant"])
        spec = self.exported.spec
        name = next(name for name, known in spec["users"].items() if known["email"].lower() == user["email"].lower())
        document = ("config/stuf_config.json", "project", "description")
        file = next(key for key, row in self.exported.inventory.items() if row["size"] and key.isascii())
        toggle_role(user["username"], "trust-architect", {"accessTokenLifespan": 299})
        change_document(*document, "Changed by hand")
        content.change(file)
        changed = Export.of(self.succeeds("export", "--digests"))
        self.assertEqual(
            changed.differs_from(self.exported.folder),
            [
                f"content[{file}].sha256",
                "realm.accessTokenLifespan",
                f"realm.users[{user['username']}].realmRoles[trust-architect]",
                "spec.project.description",
                f"spec.users.{name}.roles[trust-architect]",
            ],
        )
        toggle_role(user["username"], "trust-architect", {"accessTokenLifespan": 300})
        change_document(*document, spec["project"]["description"])
        content.change(file)

    def test_5d_s05_nobody_else_on_the_server_saw_a_secret(self) -> None:
        self.assertEqual(self.seen.foreign, [], "others' environments can be read")
        for control in (canary.ARGUMENT, canary.VARIABLE):
            self.assertIn(control, self.seen.texts, "the neighbour did not look")
        key, ssh = (self.deployment.credential[part] for part in ("storage", "ssh"))
        for secret in (key["secret_access_key"], key["access_key_id"], ssh["private_key"].splitlines()[2]):
            self.assertNotIn(secret, self.seen.texts)
        self.assertEqual(canary.search({"processes": self.seen.texts.encode()} | canary.told()), [])

    def test_5e_s05_secrets_lie_where_they_belong_and_nowhere_else(self) -> None:
        # Keycloak and Garage keep what they compare with in stores of their own. A certificate may hold the public half
        # of its key in the very letters in which the key's file has it.
        stores = "/var/lib/docker/volumes/stuf_"
        belong = {
            SERVER: ("/etc/stuf/secrets/", "/etc/stuf/tls/", f"{stores}postgres/", f"{stores}garage_meta/"),
            LAPTOP: (f"{STATE}/harbour-production/secrets/", f"{STATE}/harbour-production/local/tls/"),
            # The kit reads its storage key there too, and keeps none of those that it makes for others.
            HOSTED: ("/etc/stuf/secrets/", "/etc/stuf/tls/", f"{stores}postgres/"),
        }
        for place, begins in belong.items():
            with self.subTest(place.name):
                found = canary.holding(place)
                self.assertEqual([path for path in found if not path.startswith(begins)], [])
                ours = {path for path in found if not path.startswith(stores)}
                for name in ("mail_password", *(["source_kit_secret_key"] if place == HOSTED else [])):
                    self.assertIn(begins[0] + name, ours, "nothing was looked through")
                self.assertEqual(canary.open_to_others(place, ours), "")
        with self.subTest("and a planted one is found"):
            canary.plant()
            hits = {hit.partition(",")[0] for hit in canary.search(canary.told())}
            owners = ("architect", "server", "hosted")
            self.assertEqual(hits, {f"secrets/{owner}/secrets/mail_password (base64) in journal" for owner in owners})

    def test_5f_every_run_can_be_recorded(self) -> None:
        operations = canary.operations()
        left = {folder.name.partition("-")[2] for folder in operations}
        self.assertLessEqual({*CHANGING, "content", "verify"}, left)
        with self.subTest("with what stood there before, what stands now, and the inventory"):
            self.tell_before_and_after(operations)
        with self.subTest("S04: and neither they nor journal and reports hold what a phase made for itself"):
            kept = canary.kept()
            self.assertLessEqual({"journal.jsonl"}, set(kept))
            self.assertEqual({name: canary.made(data) for name, data in kept.items() if canary.made(data)}, {})
        checked = canary.record(operations)
        self.assertEqual(checked.returncode, 0, checked.stdout.decode())

    def tell_before_and_after(self, operations: list[Path]) -> None:
        """What the phases themselves leave in their folders."""
        deploys, imports, contents = (
            [folder for folder in operations if folder.name.partition("-")[2] == phase]
            for phase in ("deploy", "import", "content")
        )
        ran = [json.loads((folder / "images-before.json").read_bytes()) for folder in deploys[:2]]
        self.assertEqual(ran, [{}, network.release()])
        state = imports[0] / "evidence" / "reports"
        users, documents = (
            [json.loads((state / moment / f"{kind}.json").read_bytes()) for moment in ("before", "after")]
            for kind in ("users", "documents")
        )
        names = sorted(user["username"].lower() for user in self.deployment.users())
        self.assertEqual((users[0], sorted(user["username"] for user in users[1])), ([], names))
        self.assertEqual(set(documents[0].values()), {None})
        self.assertEqual((set(documents[0]), None in documents[1].values()), (set(documents[1]), False))
        finished = [
            folder
            for folder in contents
            if json.loads((folder / "operation.json").read_bytes())["result"] == "finished"
        ]
        self.assertNotEqual(finished, [])
        wanted = sorted(item["key"] for item in self.deployment.source["objects"])
        for folder in finished:
            packed = (folder / "evidence/reports/content-inventory.jsonl.gz").read_bytes()
            lines = gzip.decompress(packed).decode().splitlines()
            self.assertEqual(sorted(json.loads(line)["key"] for line in lines), wanted, folder.name)

    def test_5f_bundles_for_support_name_nobody_and_no_file(self) -> None:
        made = self.deployment.type("support", "./migrate support")
        self.assertEqual((made.code, made.document.get("target")), (0, "answered"), made.output)
        bundles = canary.bundles()
        asked = {name.partition("/")[2] for name in bundles if "-asked/" in name}
        self.assertLessEqual({"target/messages.txt", "target/stuf-api-1.txt", "target/stuf-keycloak-1.txt"}, asked)
        self.assertTrue(any("-failure/" in name for name in bundles), "verifications that were to fail left none")
        users = self.deployment.users()
        names = {str(user.get(key)) for user in users for key in ("email", "firstName", "lastName")}
        # Some are called as words of every language are, to try what reads them: `true`, `no`, `&`.
        people = {name for name in names if re.fullmatch(r"[^\W\d_]{5,}|\S+@\S+", name)}
        self.assertGreater(len(people), 50)
        keys = {item["key"] for item in self.deployment.source["objects"] if len(item["key"]) > 11}
        logs = canary.told()["container logs"].decode() + b"".join(canary.logs().values()).decode(errors="replace")
        self.assertTrue(any(name in logs for name in people), "nothing to mask was said")
        for name, text in bundles.items():
            for named in (*people, *keys):
                self.assertIsNone(re.search(rf"(?<!\w){re.escape(named)}(?!\w)", text), name)
        self.assertEqual(canary.search({name: text.encode() for name, text in bundles.items()}), [])

    def test_5g_the_kit_closes_the_hosted_side_and_leads_its_users_on(self) -> None:
        kit, stuf = self.deployment.kit, self.deployment.stuf(INSTALLATION)
        assert kit is not None
        user = next(user for user in self.deployment.users() if user["username"] == self.invited.username)
        person = Person(user["username"])
        administer(person.username, HOSTED, password=person.password, requiredActions=[])
        token = str(stuf.sign_in(person)["access_token"])
        send = functools.partial(stuf.upload, token, writable(user)[0], "late.txt", b"late", {})
        bearer = {"Authorization": f"Bearer {token}"}
        held = (item for item in self.deployment.source["objects"] if item["key"].startswith(f"{writable(user)[0]}/"))
        file = next(item for item in held if item["key"].isascii())
        with self.subTest("frozen: nobody writes, everybody reads"):
            kit.asked("operator", "freeze")
            refused = send()
            self.assertEqual((refused.status, refused.header("Retry-After")), (503, "600"))
            self.assertEqual(stuf.outside.ask("GET", f"{stuf.origin}/api/me", headers=bearer).status, 200)
            fetched = stuf.download(token, file["key"])
            self.assertEqual((fetched.status, hashlib.sha256(fetched.body).hexdigest()), (200, file["sha256"]))
        with self.subTest("redirected"):
            kit.asked("operator", f"redirect to {DOMAIN}")
            for method in ("GET", "POST"):
                moved = stuf.outside.ask(method, f"{stuf.origin}/api/x%20y?a=b&c=%2F")
                wanted = (308, f"https://{DOMAIN}/api/x%20y?a=b&c=%2F")
                self.assertEqual((moved.status, moved.header("Location")), wanted)
        with self.subTest("and as before"):
            kit.asked("operator", "restore")
            self.assertEqual(send().status, 503)
            kit.asked("operator", "unfreeze")
            sent = send()
            self.assertEqual(sent.status, 200, sent.text)
            there = f"{stuf.origin}/api/files/{urllib.parse.quote(str(sent.json()['object_name']))}"
            self.assertLess(stuf.outside.ask("DELETE", there, headers=bearer).status, 300)

    def test_5h_the_kit_exports_a_customers_installation_too(self) -> None:
        kit = hosted.Kit.deliver(SERVER, program(), hosted.deployed())
        first = Export(instance_folder() / "exports" / "by-kit")
        kit.export(first.folder)
        self.assertLessEqual(first.findings(), {"exposure.rest"})
        self.assertEqual(len(first.compiles("next.harbour.example")), 1)
        kit.install()
        with self.subTest("over SSH, past the hardened server's own settings"):
            done = kit.ssh("operator", "read")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                self.assertLessEqual({"export.json", "realm.json", "inventory.jsonl.gz"}, set(tar.getnames()))
        kit.inside(f"{hosted.KIT}/install", "--remove")
        kit.inside("rm", "-r", hosted.KIT, hosted.SETTINGS, "/root/exports")

    def test_6_after_six_wrong_passwords_an_address_is_refused(self) -> None:
        ask = "printf '#!/bin/sh\\necho wrong\\n' >/tmp/ask && chmod +x /tmp/ask"
        server.inside("sh", "-c", ask, place=STRANGER)
        reach = ["exec", STRANGER.container, "timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{SERVER.address}/22"]
        self.assertTrue(engine.docker_ok(*reach), "before, anyone may try")
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=1"
        # The refusal may come in the middle of an attempt, which then hangs: hence the time limit.
        attempt = f"SSH_ASKPASS=/tmp/ask SSH_ASKPASS_REQUIRE=force timeout 15 ssh {options} root@{SERVER.address} true"
        # At a person's pace: passwords are off, so attempts take no time, and of several within one second fail2ban may
        # see the last only with the next line of the log.
        for _ in range(6):
            server.inside("sh", "-c", f"{attempt} || true; sleep 2", place=STRANGER)
        wait_for("the refusal of the guessing address", lambda: not engine.docker_ok(*reach), 30)
        self.assertTrue(network.open_port(SERVER.address, 22), "others must still reach SSH")

    def test_7_abort_takes_down_what_was_built_and_keeps_the_volumes(self) -> None:
        # As an export leaves them that was stopped in its middle.
        server.inside("install", "--directory", *TRACES)
        run = self.succeeds("abort")
        self.assertEqual(server.inside("docker", "ps", "--all", "--quiet"), "")
        self.assertEqual(server.inside("docker", "images", "--quiet"), "")
        self.assertEqual(self.recorded_images("abort"), {})
        self.assertEqual(set(server.inside("docker", "volume", "ls", "--quiet").split()), VOLUMES)
        for volume in VOLUMES:
            self.assertIn(volume, run.output)
        for file in ("stuf.service", "stuf-content@.service"):
            self.assertFalse(content.exists(f"/etc/systemd/system/{file}"))
        self.assertFalse(content.exists("/usr/local/lib/stuf-content"))
        for trace in TRACES:
            self.assertFalse(engine.docker_ok("exec", SERVER.container, "test", "-e", trace), trace)
        self.succeeds("deploy")
        self.assertIn("access_token", self.deployment.stuf().sign_in(self.invited))

    def test_8_abort_with_delete_data_removes_the_volumes_and_a_deploy_works_again(self) -> None:
        self.succeeds("abort", "--delete-data")
        self.assertEqual(server.inside("docker", "volume", "ls", "--quiet"), "")
        for phase in ("prepare", "deploy", "import", "verify"):
            self.succeeds(phase)

    def test_8b_a_broken_generator_is_noticed(self) -> None:
        # Right after the story whose phases stand for what passes when nothing is broken.
        done = run([REPOSITORY / "tools" / "prove", "--by-turns"], log="prove", check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        sys.stderr.write(f"\n{said}")
        self.assertEqual(done.returncode, 0, "a mutant was not noticed; what it did stands above")

    def test_9_the_next_package_brings_500_people_who_are_exported_as_they_came(self) -> None:
        work = instance_folder() / "deployment"
        made = crowd.export(self.exported.folder, work / "crowd")
        self.deployment.next_package(made)
        for phase in ("preflight", "prepare", "deploy", "import"):
            self.succeeds(phase)
        exported = Export.of(self.succeeds("export"))
        self.assertEqual(len(exported.spec["users"]), crowd.PEOPLE)
        self.assertEqual(exported.differs_from(made, "--target", work / "target.json"), [])
        with self.subTest("and among so many the one who was changed by hand is named"):
            username = exported.spec["users"]["c-250"]["email"].lower()
            toggle_role(username, "trust-architect", {})
            changed = Export.of(self.succeeds("export"))
            self.assertEqual(
                changed.differs_from(exported.folder),
                [f"realm.users[{username}].realmRoles[trust-architect]", "spec.users.c-250.roles[trust-architect]"],
            )


def writable(user: dict[str, object]) -> list[str]:
    """The collections that a user of the package may read and write."""
    attributes = user.get("attributes")
    assert isinstance(attributes, dict)
    claim = json.loads(attributes["collections"][0]) if attributes.get("collections") else {}
    return sorted(name for name, allowed in claim.items() if {"read", "write"} <= set(allowed))


if __name__ == "__main__":
    unittest.main()
