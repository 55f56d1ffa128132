"""Which images go when an installation is taken down: what packages brought, by digest, and nothing that others use."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from modules import module

removal = module("stuf_remove_images")
StufError = module("stufpack_http").StufError
NOW, EARLIER, FOREIGN = (f"sha256:{digit * 64}" for digit in "abc")
PACKAGE = [f"docker.io/library/caddy@{NOW}", f"docker.io/dxflrs/garage@{NOW}", f"quay.io/keycloak/keycloak:26@{NOW}"]


class Names(unittest.TestCase):
    def test_a_name_is_read_as_docker_reads_it(self) -> None:
        names = {
            "caddy": "docker.io/library/caddy",
            "caddy:2": "docker.io/library/caddy",
            "docker.io/caddy": "docker.io/library/caddy",
            "docker.io/library/caddy:2": "docker.io/library/caddy",
            "index.docker.io/library/caddy": "docker.io/library/caddy",
            "dxflrs/garage": "docker.io/dxflrs/garage",
            "quay.io/keycloak/keycloak:26": "quay.io/keycloak/keycloak",
            "registry.example:5000/stuf/api:1": "registry.example:5000/stuf/api",
            "localhost/api": "localhost/api",
            "stuf/localhost/api": "docker.io/stuf/localhost/api",
        }
        for name, meant in names.items():
            for digest in ("", f"@{NOW}"):
                self.assertEqual(removal.whole(name + digest), meant + digest)


class Removal(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.note = Path(folder.name) / "images"
        # Owners need root; whose file it is is not what is shown here.
        patch = mock.patch.object(os, "fchown")
        patch.start()
        self.addCleanup(patch.stop)
        # By id, as Docker has them: names of Docker Hub are short. What another one needs cannot be seen here.
        self.digests = {
            "one": [f"caddy@{NOW}"],
            "two": [f"dxflrs/garage@{NOW}"],
            "three": [f"quay.io/keycloak/keycloak@{NOW}"],
        }
        self.tags: dict[str, list[str]] = {}
        self.containers: dict[str, str] = {}
        self.refuses: dict[str, str] = {}
        # What goes between the list and the question about each of it, and what Docker says then.
        self.going: set[str] = set()
        self.says = "Error: No such object: {}"

    def docker(self, command: list[str]) -> tuple[int, str, str]:
        """Answers as Docker does."""
        match command[1:]:
            case ["ps", *_]:
                return 0, "".join(f"{name}\n" for name in self.containers), ""
            case ["inspect", *names]:
                stay = [name for name in names if name not in self.going]
                told = json.dumps([{"Image": self.containers[name], "Name": f"/{name}"} for name in stay])
                errors = "".join(self.says.format(name) + "\n" for name in names if name in self.going)
                return (1 if errors else 0), told, errors
            case ["image", "ls", *_]:
                # An image of two names is listed twice.
                return 0, "".join(f"{image}\n{image}\n" for image in self.digests), ""
            case ["image", "inspect", *images]:
                return 0, json.dumps([self.known(image) for image in images]), ""
            case ["image", "rm", name]:
                return self.rm(name)
        raise AssertionError(command)

    def known(self, image: str) -> dict[str, Any]:
        """What Docker tells of an image; without names it says null."""
        return {"Id": image, "RepoDigests": self.digests[image] or None, "RepoTags": self.tags.get(image)}

    def rm(self, name: str) -> tuple[int, str, str]:
        """Takes one name away, and the image with its last."""
        (image,) = (image for image, names in self.digests.items() if name in names)
        used = {self.containers[one] for one in self.containers.keys() - self.going}
        assert image not in used, "never tried, since Docker may have other words for it"
        if name in self.refuses:
            return 1, "", f"Error response from daemon: {self.refuses[name]}\n"
        self.digests[image].remove(name)
        if not self.digests[image] and not self.tags.get(image):
            del self.digests[image]
        return 0, f"Untagged: {name}\n", ""

    def settle(self, dry: bool = False) -> dict[str, Any]:
        """One call of the module."""
        answer: dict[str, Any] = removal.settle(self.docker, PACKAGE, self.note, dry)
        return answer

    def noted(self) -> list[str] | None:
        """The note's lines."""
        return self.note.read_text().splitlines() if self.note.exists() else None

    def test_what_this_package_and_earlier_ones_brought_goes_and_a_second_time_nothing_changes(self) -> None:
        self.note.write_text(f"{PACKAGE[0]}\ndocker.io/library/caddy@{EARLIER}\nr.example/gone@{EARLIER}\n")
        self.digests["four"] = [f"caddy@{EARLIER}"]
        everything = sorted(name for names in self.digests.values() for name in names)
        told = self.settle()
        self.assertEqual((sorted(told["removed"]), told["kept"], told["changed"]), (everything, [], True))
        self.assertEqual((self.digests, self.noted()), ({}, None))
        self.assertEqual(self.settle(), {"changed": False, "removed": [], "kept": []})

    def test_an_image_that_a_container_uses_stays_is_told_and_stays_noted(self) -> None:
        self.containers = {"shop-sso": "three", "shop-sso-2": "three"}
        first, again = self.settle(), self.settle()
        stays = f"quay.io/keycloak/keycloak@{NOW} stays: used by container shop-sso, shop-sso-2"
        self.assertEqual((first["kept"], first["changed"], len(first["removed"])), ([stays], True, 2))
        self.assertEqual(again, {"changed": False, "removed": [], "kept": [stays]})
        self.assertEqual(self.noted(), [PACKAGE[2]])
        self.containers = {}
        self.assertEqual(len(self.settle()["removed"]), 1)
        self.assertEqual(self.digests, {})

    def test_another_version_of_the_same_repository_stays_and_is_told(self) -> None:
        self.digests |= {"four": [f"quay.io/keycloak/keycloak@{FOREIGN}"], "five": [], "six": [f"nginx@{FOREIGN}"]}
        self.tags = {"four": ["quay.io/keycloak/keycloak:25"], "five": ["caddy:mine"]}
        told = self.settle()
        self.assertEqual(
            told["kept"],
            [f"{name} stays: no package brought it" for name in ("quay.io/keycloak/keycloak:25", "caddy:mine")],
        )
        self.assertEqual(sorted(self.digests), ["five", "four", "six"])

    def test_a_name_that_somebody_gave_it_keeps_an_image(self) -> None:
        self.tags = {"one": ["mine:2"]}
        self.assertEqual((len(self.settle()["removed"]), list(self.digests)), (3, ["one"]))

    def test_what_docker_refuses_for_something_else_that_needs_it_is_told_in_its_words(self) -> None:
        self.refuses = {f"caddy@{NOW}": "conflict: unable to delete one - image has dependent child images"}
        told = self.settle()
        (kept,) = told["kept"]
        self.assertIn("dependent child images", kept)
        self.assertEqual((len(told["removed"]), self.noted()), (2, [PACKAGE[0]]))

    def test_any_other_failure_ends_it_and_leaves_the_note(self) -> None:
        self.note.write_text(f"{PACKAGE[0]}\n")
        self.refuses = {f"dxflrs/garage@{NOW}": "no space left on device"}
        with self.assertRaises(StufError):
            self.settle()
        self.assertEqual(self.noted(), [PACKAGE[0]])
        self.refuses = {}
        self.assertEqual(len(self.settle()["removed"]), 2)

    def test_one_that_another_hand_removed_meanwhile_is_gone(self) -> None:
        self.refuses = {f"caddy@{NOW}": f"No such image: caddy@{NOW}"}
        self.assertEqual(self.settle()["kept"], [])

    def test_a_container_that_went_while_it_was_asked_for_uses_nothing_and_the_others_still_do(self) -> None:
        self.containers = {"shop-job": "one", "shop-sso": "three"}
        self.going = {"shop-job"}
        told = self.settle()
        self.assertEqual((len(told["removed"]), len(told["kept"])), (2, 1))
        self.assertEqual(self.noted(), [PACKAGE[2]])
        self.going, self.says = {"shop-sso"}, "Cannot connect to the Docker daemon"
        with self.assertRaises(StufError):
            self.settle()

    def test_a_dry_run_removes_and_notes_nothing(self) -> None:
        self.note.write_text(f"{PACKAGE[0]}\n")
        self.containers = {"shop-sso": "three"}
        told = self.settle(dry=True)
        self.assertEqual((told["changed"], len(told["removed"]), len(told["kept"])), (True, 2, 1))
        self.assertEqual((len(self.digests), self.noted()), (3, [PACKAGE[0]]))


if __name__ == "__main__":
    unittest.main()
