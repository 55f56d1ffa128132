"""Nothing of a package runs before every byte is shown to be the signer's."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from fixture import Package, Story, mode, signer_line

VERB = ("hold",)  # the smallest verb that needs a verified package


class Accepted(Story):
    def test_a_package_runs_and_not_a_byte_in_it_changes(self) -> None:
        package = self.ready()
        before = package.bytes_and_modes()

        for phase in ("preflight", "prepare", "deploy", "status"):
            self.exits(0, package, phase)

        self.assertEqual(package.bytes_and_modes(), before)

    def test_everything_in_the_state_folder_is_for_its_owner_alone(self) -> None:
        package = self.ready()
        os.umask(old := os.umask(0))
        self.addCleanup(os.umask, old)
        os.umask(0)

        self.exits(0, package, "deploy")

        mine = [
            path for path in (self.state, *self.state.rglob("*")) if not path.is_symlink() and "venv" not in path.parts
        ]
        self.assertEqual([path for path in mine if mode(path) & 0o077], [])

    def test_a_path_may_hold_blanks_newlines_commas_and_braces(self) -> None:
        package = self.ready(folder="a folder,\n with {{ braces }}\n:and more\n")

        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "start-api"])

    def test_a_stream_that_is_closed_stops_nothing(self) -> None:
        package = self.ready()
        for closed, verb in ((">&-", "status"), ("2>&-", "status"), ("<&- >&- 2>&-", "status"), (">&-", "deploy")):
            with self.subTest(closed, verb=verb):
                self.calls_file.unlink(missing_ok=True)
                typed = ["sh", "-c", f'exec sh "$0" {verb} {closed}', package.root / "migrate"]
                run = subprocess.run(typed, env=self.process_environment(), capture_output=True, text=True, check=False)
                self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "start-api"])

    def test_without_a_home_it_says_what_is_missing(self) -> None:
        package = self.ready()
        for gone, kept in (({"HOME", "STUFPACK_STATE"}, "/.local/state"), ({"HOME", "STUFPACK_SIGNERS"}, "/.config")):
            environment = {name: value for name, value in self.process_environment().items() if name not in gone}
            self.assertNotIn("HOME", environment)
            typed = ["sh", package.root / "migrate", "status"]
            run = subprocess.run(typed, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 12, run.stderr)
            self.assertRegex(
                run.stderr, r"^error\[state\.path\]: HOME, or STUFPACK_STATE and STUFPACK_SIGNERS, must be set"
            )
            self.assertIn(f"HOME-is-not-set{kept}", run.stderr)

    def test_a_signer_is_read_as_openssh_reads_it(self) -> None:
        package = self.package().seal()
        plain, wanted = signer_line(self.home, "issuer"), 'namespaces="stufpack"'
        for signer in (
            plain,
            f"# of 2026\n\n \t{plain}",
            plain.replace(wanted, 'namespaces="git,stufpack"'),
            plain.replace(wanted, f'valid-after="20200101",{wanted}'),
            plain.replace(wanted, f'{wanted},valid-before="29990101"'),
            plain.replace(" ", "\t", 2),
            plain.replace("issuer/test", '"issuer/test"'),
        ):
            with self.subTest(signer):
                self.signers.write_text(signer)
                self.exits(0, package, *VERB)

    def test_it_starts_from_its_own_folder_too(self) -> None:
        package = self.ready()
        for words in (["./migrate"], ["sh", "migrate"]):
            package.root.joinpath("migrate").chmod(0o700)
            run = subprocess.run(
                [*words, "hold"], cwd=package.root, env=self.process_environment(), capture_output=True, check=False
            )
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_names_with_any_byte_are_covered(self) -> None:
        package = self.package()
        for name in ("new\nline", "back\\slash", "tab\t and blank", " lead"):
            package.write(f"configuration/{name}", "x")
        Path(os.fsdecode(os.fsencode(package.root / "configuration") + b"/\xff\xfe")).write_text("x")

        self.exits(0, package.seal(), *VERB)

    def test_a_signer_who_expired_after_the_first_run_blocks_nothing(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        # Time passes: it was verified in 2019, and the signer's line ended in 2020.
        os.utime(self.state / "packages/1/verified", (1_560_000_000, 1_560_000_000))
        self.signers.write_text(
            signer_line(self.home, "issuer", options='valid-before="20200101",namespaces="stufpack"')
        )

        for phase in ("import", "abort", "status"):
            self.exits(0, package, phase)

    def test_a_signer_who_is_taken_from_the_list_stops_the_way_forward_and_never_the_way_back(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")

        for signers in ("", signer_line(self.home, "somebody"), None):
            if signers is None:
                self.signers.unlink()
            else:
                self.signers.write_text(signers)
            self.exits(12, package, "import", says="error[verify.sign")
            for verb in ("hold", "resume", "status", "abort"):
                self.exits(0, package, verb)

    def test_without_a_verb_it_shows_the_phases_in_order(self) -> None:
        usage = self.migrate(self.package().seal()).stdout

        order = ["bootstrap", "status", "preflight prepare deploy import", "abort", "hold", "panic", "approve GATE"]
        self.assertEqual(sorted(order, key=usage.index), order)


class Refused(Story):
    def refuses(self, package: Package, code: str, shows: str = "") -> None:
        """Exit 12, the message's code, and no trace of a run."""
        run = self.exits(12, package, *VERB, says=f"error[{code}]")
        self.assertIn(shows, run.stderr)
        self.assertFalse(self.state.exists(), "a refused package left something in the state folder")

    def test_a_file_added_after_signing(self) -> None:
        package = self.package().seal()
        package.write("infrastructure/terraform/extra.tf", "")
        self.refuses(package, "verify.files", "infrastructure/terraform/extra.tf")

    def test_an_added_file_whose_name_spans_two_lines(self) -> None:
        package = self.package().seal()
        package.write("x\nmigrate", "")
        self.refuses(package, "verify.files", "x\\nmigrate")

    def test_an_added_python_module_cannot_be_hidden_as_a_cache(self) -> None:
        package = self.package().seal()
        package.write("infrastructure/controller/__pycache__/outcome.cpython-311.pyc", "")
        self.refuses(package, "verify.files", "__pycache__")

    def test_a_changed_byte(self) -> None:
        package = self.package().seal()
        package.write("infrastructure/ansible/playbooks/deploy.yml", "--- \n")
        self.refuses(package, "verify.sums", "deploy.yml")

    def test_a_missing_file(self) -> None:
        package = self.package().seal()
        (package.root / "infrastructure/ansible/ansible.cfg").unlink()
        self.refuses(package, "verify.sums", "ansible.cfg")

    def test_a_changed_personal_file(self) -> None:
        package = self.package().seal()
        package.write("configuration/salt", "other")
        self.refuses(package, "verify.sums", "configuration/salt")

    def test_a_personal_file_with_a_list_that_fits_it(self) -> None:
        package = self.package().seal()
        package.write("configuration/salt", "other")
        package.shell(
            "sha256sum configuration/salt >SHA256SUMS.personal; sha256sum SHA256SUMS.personal >PERSONAL.sha256"
        )
        self.refuses(package, "verify.sums", "PERSONAL.sha256")

    def test_personal_files_that_the_signature_does_not_reach(self) -> None:
        package = self.package().seal()
        package.shell("sed -i '/  PERSONAL.sha256$/d' SHA256SUMS")
        self.refuses(package.sign(), "verify.sums", "not covered")

    def test_a_file_that_stands_in_two_lists(self) -> None:
        package = self.package().seal()
        package.shell("sha256sum configuration/salt >>SHA256SUMS")
        self.refuses(package.sign(), "verify.files", "configuration/salt")

    def test_a_link_even_to_the_right_bytes(self) -> None:
        package = self.package().seal()
        salt = package.root / "configuration/salt"
        salt.rename(self.home / "salt")
        salt.symlink_to(self.home / "salt")
        self.refuses(package, "verify.kind", "configuration/salt")

    def test_a_pipe(self) -> None:
        package = self.package().seal()
        os.mkfifo(package.root / "pipe")
        self.refuses(package, "verify.kind", "pipe")

    def test_a_file_or_folder_that_others_may_write(self) -> None:
        package = self.package().seal()
        for name, bits in (("migrate", 0o702), ("migrate", 0o720), ("configuration", 0o770)):
            before = mode(package.root / name)
            (package.root / name).chmod(bits)
            self.refuses(package, "verify.kind", name)
            (package.root / name).chmod(before)

    def test_a_file_that_is_also_elsewhere(self) -> None:
        package = self.package().seal()
        (self.home / "second").hardlink_to(package.root / "configuration/salt")
        self.refuses(package, "verify.kind", "configuration/salt")

    def test_a_folder_that_nothing_is_in(self) -> None:
        package = self.package().seal()
        (package.root / "group_vars").mkdir()
        self.refuses(package, "verify.kind", "group_vars")

    def test_a_package_that_claims_another_issuer(self) -> None:
        package = self.package()
        package.manifest["package"]["issuer"] = "issuer/other"
        self.refuses(package.seal(), "verify.issuer", "issuer/test signed")

    def test_an_unsigned_package(self) -> None:
        package = self.package().seal()
        (package.root / "SHA256SUMS.sig").unlink()
        self.refuses(package, "verify.signature.missing")

    def test_an_unknown_signer(self) -> None:
        self.refuses(self.package().seal(key="stranger"), "verify.signature.unknown")

    def test_a_signature_for_another_purpose(self) -> None:
        self.refuses(self.package().seal(namespace="git"), "verify.signature.wrong")

    def test_a_signature_over_other_sums(self) -> None:
        package = self.package().seal()
        package.write("added", "")
        package.shell("sha256sum added >>SHA256SUMS")
        self.refuses(package, "verify.signature.wrong")

    def test_a_signer_whose_time_is_over(self) -> None:
        self.signers.write_text(
            signer_line(self.home, "issuer", options='valid-before="20200101",namespaces="stufpack"')
        )
        self.refuses(self.package().seal(), "verify.signature.unknown")

    def test_a_key_that_two_principals_share(self) -> None:
        self.signers.write_text(signer_line(self.home, "issuer") + signer_line(self.home, "issuer", "issuer/other"))
        self.refuses(self.package().seal(), "verify.signature.unknown")

    def test_a_line_with_two_principals(self) -> None:
        self.signers.write_text(signer_line(self.home, "issuer", "issuer/test,issuer/other"))
        self.refuses(self.package().seal(), "verify.signature.unknown")

    def test_a_principal_that_is_a_pattern(self) -> None:
        self.signers.write_text(signer_line(self.home, "issuer", "*"))
        self.refuses(self.package().seal(), "verify.signature.unknown")

    def test_a_signer_without_namespaces(self) -> None:
        self.signers.write_text(signer_line(self.home, "issuer", options=""))
        self.refuses(self.package().seal(), "verify.signers", "namespaces=")

    def test_a_signer_with_namespaces_where_no_option_stands(self) -> None:
        line, wanted = signer_line(self.home, "issuer", options="").rstrip(), 'namespaces="stufpack"'
        package = self.package().seal()
        for signer in (
            f"{line} {wanted}",
            f'{line} "{wanted}"',
            line.replace("issuer/test", f"issuer/{wanted}"),
            line.replace("issuer/test", f'"issuer/test {wanted}"'),
            line.replace(" ", ' valid-after="20200101,namespaces=" ', 1),
            line.replace(" ", ' other-namespaces="stufpack" ', 1),
        ):
            with self.subTest(signer):
                self.signers.write_text(f"{signer_line(self.home, 'stranger', 'issuer/other')}{signer}\n")
                self.refuses(package, "verify.signers", "namespaces=")

    def test_what_is_no_line_of_a_signer_is_told_with_the_line_that_is_meant(self) -> None:
        package = self.package().seal()
        line, key = signer_line(self.home, "issuer"), (self.home / "keys/issuer.pub").read_text()
        page = f"This page shows how to verify it.\n\n1 The signer\n\n{line}\n2 With stock tools\n"
        for text in (page, key):
            self.signers.write_text(text)
            self.refuses(
                package, "verify.signers",
                'only the line of VERIFY.txt that begins with issuer/ (NAME namespaces="stufpack" ssh-ed25519 AAAA…)',
            )  # fmt: skip

    def test_no_list_of_signers(self) -> None:
        self.signers.unlink()
        self.refuses(self.package().seal(), "verify.signers", str(self.signers))

    def test_a_list_of_signers_that_came_with_the_package(self) -> None:
        package = self.package()
        inside = package.write("docs/signers", signer_line(self.home, "issuer"))
        outside = self.home / "link"
        outside.symlink_to(inside)
        self.environment["STUFPACK_SIGNERS"] = str(outside)
        self.refuses(package.seal(), "verify.signers", "inside the package")

    def test_a_glass(self) -> None:
        package = self.package().seal()
        (package.root / ".git").mkdir()
        self.refuses(package, "package.glass", "git -C CLONE archive main")

    def test_an_exported_glass_without_git(self) -> None:
        package = self.package().seal()
        (package.root / "SHA256SUMS.personal").unlink()
        self.refuses(package, "package.glass", "git -C CLONE archive main")

    def test_a_link_to_the_entry_is_told_with_where_it_leads(self) -> None:
        package = self.package("a package").seal()
        link = self.home / "mig"
        link.symlink_to("a package/migrate")
        for words in ([str(link)], [str(link), "status"], ["sh", "mig", "--help"]):
            run = subprocess.run(
                words, cwd=self.home, env=self.process_environment(), capture_output=True, text=True, check=False
            )
            self.assertEqual((run.returncode, run.stdout), (12, ""))
            self.assertIn("error[package.missing]", run.stderr)
            self.assertIn(f"next: start it where it was unpacked: {package.root}/migrate\n", run.stderr)

    def test_a_state_folder_that_cannot_be_made_is_told_with_the_folder_that_is_there(self) -> None:
        package = self.package().seal()
        (self.home / "file").write_text("")
        for where, there in (("/proc/no/state", "/proc"), (f"{self.home}/file/state", f"{self.home}/file")):
            self.environment["STUFPACK_STATE"] = where
            told = self.exits(12, package, *VERB, says="error[state.folder]").stderr
            self.assertIn(f"next: ls -ld '{there}'\n", told)

    def test_a_slug_that_leads_elsewhere(self) -> None:
        package = self.package()
        package.manifest["package"]["slug"] = "../../etc"
        self.refuses(package.seal(), "package.manifest")

    def test_a_state_folder_inside_the_package(self) -> None:
        package = self.package().seal()
        self.environment["STUFPACK_STATE"] = str(package.root / "state")
        self.exits(12, package, *VERB, says="error[state.inside]")
        self.assertFalse((package.root / "state").exists())

    def test_the_state_folder_of_another_installation(self) -> None:
        self.environment["STUFPACK_STATE"] = str(self.home / "shared")
        self.exits(0, self.package().seal(), *VERB)
        other = self.package("other")
        other.manifest["package"]["environment"] = "production"
        self.exits(12, other.seal(), *VERB, says="this is the state of harbour-staging")

    def test_other_bytes_under_a_number_that_has_begun(self) -> None:
        self.exits(0, self.ready(), "deploy")
        other = self.package("other")
        other.write("docs/more.md", "")
        self.exits(12, self.with_tools(other.seal()), "deploy", says="error[package.other]")

    def test_python_variables_bring_no_code_in(self) -> None:
        package = self.ready()
        (self.home / "evil").mkdir()
        (self.home / "evil/json.py").write_text("raise SystemExit(99)\n")
        self.environment |= {
            "PYTHONPATH": str(self.home / "evil"),
            "ANSIBLE_CONFIG": "/evil",
            "ANSIBLE_LIBRARY": "/evil",
        }
        self.exits(0, package, "deploy")
        given = self.calls()[0]["environment"]
        self.assertNotIn("ANSIBLE_LIBRARY", given)
        self.assertNotIn("PYTHONPATH", given)
        self.assertIn("packages/1/package/infrastructure/ansible/ansible.cfg", given["ANSIBLE_CONFIG"])


class Expired(Story):
    def test_an_expired_package_is_not_begun(self) -> None:
        package = self.ready(expiresAt="2020-01-01T00:00:00Z")
        for phase in ("preflight", "prepare", "deploy"):
            self.exits(12, package, phase, says="error[package.expired]")
        self.assertEqual(self.steps_run(), [])
        told = self.exits(0, package, "status").stdout
        self.assertIn(
            "  expired on 2020-01-01T00:00:00+00:00: nothing that changes begins; abort and status still run\n", told
        )
        self.assertIn("next: ask the sender for a package from a new export", told)
        self.assertTrue(json.loads(self.exits(0, package, "status", "--json").stdout)["expired"])

    def test_what_was_begun_in_time_goes_on_and_back_after_its_expiry(self) -> None:
        package = self.ready()
        self.exits(0, package, "prepare")
        # Time passes: the same plan, now in a package that is past its time.
        package.manifest["expiresAt"] = "2020-01-01T00:00:00Z"
        (self.state / "packages/1/verified").unlink()
        package.seal()

        self.exits(0, package, "deploy")
        self.assertNotIn("expired", self.exits(0, package, "status").stdout)
        self.exits(0, package, "abort")

    def test_an_expired_package_that_never_began_still_answers_status_and_abort(self) -> None:
        package = self.ready(expiresAt="2020-01-01T00:00:00Z")
        self.exits(0, package, "status")
        self.exits(0, package, "abort")


if __name__ == "__main__":
    unittest.main()
