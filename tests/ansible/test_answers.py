"""What Ansible's modules take for an answer of S3, whatever a store, a proxy or a portal sends with 200."""

from __future__ import annotations

import unittest
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from modules import module

s3 = module("stufpack_s3")
http = module("stufpack_http")
answers = module("stufpack_answers")

MORE = "<IsTruncated>true</IsTruncated>"


def page(*keys: str, more: str = "<IsTruncated>false</IsTruncated>") -> str:
    """A page of a listing."""
    rows = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-11-20T08:00:00.000Z</LastModified></Contents>"
        for key in keys
    )
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<ListBucketResult xmlns="{namespace}"><EncodingType>url</EncodingType>{more}{rows}</ListBucketResult>'


def token(text: str) -> str:
    """Where more follows."""
    return f"{MORE}<NextContinuationToken>{text}</NextContinuationToken>"


class Answers(unittest.TestCase):
    BUCKET = s3.Bucket("https://s3.example", "uploads", "eu-west-1", "AKIA", "obviously-fake")

    def answering(self, *bodies: str) -> AbstractContextManager[Any]:
        """The store answers so, one after the other."""
        answers = iter([http.Answer(200, {}, body.encode()) for body in bodies])
        return patch.object(s3, "request", lambda *_, **__: next(answers))

    def test_keys_come_from_all_pages_as_they_are(self) -> None:
        with self.answering(page("own/a+b", "own/a%2Bb", more=token("2")), page("own/x", "own/%FF")):
            self.assertEqual(self.BUCKET.keys("own/"), ["own/a b", "own/a+b", "own/x", "own/\udcff"])
        for other in ("", 'xmlns="https://s3.example/"'):
            text = page("own/a").replace('xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', other)
            with self.answering(text):
                self.assertEqual(self.BUCKET.keys("own/"), ["own/a"])
        with self.answering(page()):
            self.assertEqual(self.BUCKET.keys("own/"), [])

    def test_what_is_no_whole_listing_is_no_list_of_keys(self) -> None:
        for why, *bodies in (
            ("says of its listing that more follows, and not where", page("own/a", more=MORE)),
            ("says of its listing that more follows, and not where", page(more=token("2")), page(more=token("2"))),
            *(
                ("lists keys, and says not by true or false whether more follows", page("own/a", more=said))
                for said in ("", *(f"<IsTruncated>{word}</IsTruncated>" for word in ("", "True", " true ", "1")))
            ),
            ("lists a key twice", page("own/a", "own/a")),
            ("lists a key twice", page("own/a", more=token("2")), page("own/a")),
            (answers.UNORDERED, page("own/a", "own/b", more=token("2")), page("own/a", "own/b")),
            (answers.UNORDERED, page("own/a/b", "own/a-b")),
            ("lists an object without key, size or time", page("own/a").replace("<Size>1</Size>", "")),
            ("answered with another document, and not with a ListBucketResult", "<html/>"),
            ("answered with something that is not XML, and not with a ListBucketResult", "<p>Sign in"),
        ):
            with self.subTest(why), self.answering(*bodies), self.assertRaises(http.StufError) as told:
                self.BUCKET.keys("own/")
            self.assertEqual(str(told.exception), f"storage {why}, of bucket uploads under 'own'")

    def test_a_region_is_told_by_the_document_that_tells_it(self) -> None:
        for text, region in (
            ("<LocationConstraint/>", "us-east-1"),
            (
                '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">EU</LocationConstraint>',
                "eu-west-1",
            ),
            ("<LocationConstraint>eu-central-1</LocationConstraint>", "eu-central-1"),
        ):
            with self.answering(text):
                self.assertEqual(self.BUCKET.location(), region)
        with self.answering("<html/>"), self.assertRaisesRegex(http.StufError, "another document"):
            self.BUCKET.location()


if __name__ == "__main__":
    unittest.main()
