"""D18 to D21: what changed meanwhile is carried, deletions are counted first, and nothing at the target is lost."""

from __future__ import annotations

import sys
from typing import ClassVar

from cases import ANSIBLE, F20, MIB, Case, seed_f20, seed_mp
from stores import moto

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content import exported  # noqa: E402 (after the path)


class Delta(Case):
    #: A kind of store, a key that it cannot hold, and the name by the rule.
    beyond: ClassVar = ("garage", "/lead", "%2Flead")

    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        seed_f20(self.source)

    def first_copy(self) -> None:
        self.list_source()
        self.copied()

    def content_of_target(self) -> dict[str, tuple]:
        """What the target holds beside backups."""
        return {key: value for key, value in self.target.objects().items() if not key.startswith("stufpack-backup/")}

    def backups(self) -> dict[str, tuple]:
        """What was kept, by the key it had."""
        kept = self.target.objects("stufpack-backup/")
        return {key.split("/", 2)[2]: value for key, value in kept.items()}

    def test_d18_exactly_what_changed_is_written(self) -> None:
        seed_mp(self.source)
        self.first_copy()
        self.source.seed("new", b"new")
        self.source.seed("big/multi.bin", b"y" * (12 * MIB))
        self.source.seed("small.txt", b"small", metadata={"uploader": "somebody else"})
        self.source.seed("f01", b"01", content_type="text/plain")
        self.source.delete_object(Key="f07")
        self.target.watch_writes()

        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["deleted"]), (4, 1))
        written = {key for key in self.target.written() if not key.startswith("stufpack-backup/")}
        self.assertEqual(written, {"new", "big/multi.bin", "small.txt", "f01"})
        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(22)

    def test_d18_the_control_carries_neither_bytes_nor_metadata(self) -> None:
        seed_mp(self.source)
        self.first_copy()
        # Other bytes of the same size, again in parts: no digest tells.
        seed_mp(self.source, first=4)
        self.source.seed("small.txt", b"small", metadata={"uploader": "somebody else"})
        self.source.seed("new", b"new")
        before = self.target.objects()

        self.rclone("copy", f"src:{self.source.name}", f"dst:{self.target.name}", "--checksum", "--metadata")

        after = self.target.objects()
        # It did look, and took `big/multi.bin` and `small.txt` for what was there.
        self.assertEqual({key for key, value in after.items() if value != before.get(key)}, {"new"})

    def test_d18_an_object_that_came_after_the_export_is_checked_like_the_others(self) -> None:
        store, key, name = self.beyond
        self.first_copy()
        self.source.seed(key, b"x")
        self.configure(store=store)
        self.assertIn(f'"{key}"', self.content("delta", 12).err)
        self.assertEqual(len(self.target.listed()), 20)
        self.configure(rename_keys="percent-encode")
        self.content("delta")
        self.assertIn(name, self.target.listed())
        self.assert_verified(21)

    def renamed(self) -> tuple[str, str]:
        """A key that is at the target under the rule's name; at the source it is gone by now."""
        store, key, name = self.beyond
        self.source.seed(key, b"old")
        self.configure(store=store, rename_keys="percent-encode")
        self.list_source(**{key: {"target_key": name, "alone": True}})
        self.copied()
        self.source.delete_object(Key=key)
        return key, name

    def test_d18_a_key_that_comes_as_another_goes_that_had_its_name_is_carried_and_the_other_is_kept(self) -> None:
        _, name = self.renamed()
        self.source.seed(name, b"new and precious")

        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["deleted"]), (1, 1))
        self.assertEqual({key: body for key, (body, *_) in self.backups().items()}, {name: b"old"})
        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(21)

    def test_d18_what_another_key_was_carried_to_is_not_deleted_for_the_one_that_is_gone(self) -> None:
        _, name = self.renamed()
        # The same bytes under the very name: a copy by the next package's lists finds it there already.
        self.source.seed(name, b"old")
        self.list_source()
        self.copied()

        delta = self.content("delta").document

        self.assertEqual(delta["message"], "delta: 0 objects added or changed, 1 gone at the source")
        self.assertEqual(delta["deleted"], 0)
        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(21)

    def test_d19_more_deletions_than_the_limit_are_refused_before_the_first(self) -> None:
        self.first_copy()
        for key in F20[:6]:
            self.source.delete_object(Key=key)
        self.configure(delete_limit=3)

        run = self.content("delta", 12)

        self.assertEqual((run.document["error"]["deletions"], run.document["error"]["limit"]), (6, 3))
        self.assertEqual(len(self.target.listed()), 20)
        control = self.rclone("sync", f"src:{self.source.name}", f"dst:{self.target.name}", "--max-delete", "3")
        self.assertEqual((control.returncode, len(self.target.listed())), (7, 17), "rclone deletes first, then stops")

    def test_d19_more_than_half_of_few_are_too_many_until_somebody_means_them(self) -> None:
        self.first_copy()
        for key in F20[:11]:
            self.source.delete_object(Key=key)

        run = self.content("reconcile", 12)

        self.assertEqual((run.document["error"]["deletions"], run.document["error"]["limit"]), (11, 10))
        self.assertEqual(len(self.target.listed()), 20)
        self.configure(delete_limit=11)
        proof = self.content("reconcile").document
        self.assertEqual((proof["expected"], proof["gone_since_export"]), (9, 11))
        self.assertIn("of 9 objects: verified 9", proof["message"])
        self.assertIn("since the export: 0 new, 0 changed, 11 gone", proof["message"])

    def test_d19_a_hundred_are_few_or_one_in_a_hundred(self) -> None:
        rule = {of: exported.limit(None, of) for of in (0, 1, 3, 150, 10_099, 10_100, 2_000_000)}
        self.assertEqual(rule, {0: 0, 1: 0, 3: 1, 150: 75, 10_099: 100, 10_100: 101, 2_000_000: 20_000})
        self.assertEqual(exported.limit(7, 2_000_000), 7)

    def test_what_was_given_stays_known_where_an_abort_kept_the_data(self) -> None:
        self.first_copy()
        self.assert_verified(20)
        # As `abort` leaves it (roles/content/tasks/remove.yml).
        for file in self.state.iterdir():
            if file.name != "carried.jsonl":
                file.unlink()
        self.source.delete_object(Key="f00")
        self.source.seed("f01", b"changed meanwhile")

        self.copied()
        self.content("delta")

        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(19)

    def test_d20_an_emptied_source_deletes_nothing_whatever_the_limit(self) -> None:
        self.first_copy()
        for key in F20:
            self.source.delete_object(Key=key)

        self.assertIn("the source is empty", self.content("delta", 12).err)

        self.assertEqual(len(self.target.listed()), 20)

    def test_d21_what_is_overwritten_or_deleted_is_kept(self) -> None:
        self.first_copy()
        old = self.target.objects()
        self.source.seed("f00", b"changed")
        for key in F20[1:3]:
            self.source.delete_object(Key=key)
        self.configure(delete_limit=3)

        delta = self.content("delta").document

        self.assertEqual(delta["backup"]["objects"], 3)
        self.assertEqual(self.backups(), {key: old[key] for key in F20[:3]})
        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(18)

    def test_a_delta_before_the_first_copy_is_refused(self) -> None:
        self.list_source()
        self.content("inventory")
        self.content("delta", 12)
        self.assertEqual(self.target.listed(), [])
