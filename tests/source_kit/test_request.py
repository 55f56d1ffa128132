"""What is asked for over SSH is one of a few forms as a whole, or it is refused: by a table, and by chance."""

from __future__ import annotations

import datetime
import random
import string
import unittest

from kit import program

request = program("request")
Refused = program("failure").Refused

GOOD = {
    b"status": ("status", {}),
    b"read": ("read", {}),
    b"freeze": ("freeze", {}),
    b"renew": ("renew", {}),
    b"unfreeze": ("unfreeze", {}),
    b"restore": ("restore", {}),
    b"revoke read-1a2b3c4d": ("revoke", {"id": "read-1a2b3c4d"}),
    b"redirect to files.example.org": ("redirect", {"host": "files.example.org"}),
    b"redirect to a-1.xn--bcher-kva.example": ("redirect", {"host": "a-1.xn--bcher-kva.example"}),
    b"issue source-read until 2026-12-19T21:04:00Z": ("issue", {"kind": "source-read"}),
    b"issue source-cutover until 2028-02-29T00:00:00Z": ("issue", {"kind": "source-cutover"}),
}
LONG = b".".join([b"a" * 60] * 5)
HOSTILE = [
    # Nothing, a shell, and other programs.
    None, b"", b" ", b"sh", b"/bin/sh", b"bash -i", b"-c status", b"id", b"cat /etc/shadow", b"sudo status", b"python3",
    b"scp -t /tmp", b"scp -f /etc/passwd", b"rsync --server . /", b"internal-sftp", b"/usr/lib/openssh/sftp-server",
    b"git-upload-pack '/'", b"export", b"admit k until 2026-12-19T21:04:00Z", b"watch", b"serve read-1a2b3c4d",
    # A verb and something of a shell.
    b"status;id", b"status; id", b"status&&id", b"status|id", b"status||id", b"status&", b"status $(id)",
    b"status `id`",
    b"status > /tmp/x", b"status < /etc/passwd", b"status\nid", b"status\n", b"\nstatus", b"status\r", b"status\0",
    b"status #", b"status *", b"status ~", b"status {a,b}", b"status \\", b"'status'", b'"status"', b"$status",
    b"stat?s",
    b"read /etc/passwd", b"read --config /tmp/x", b"read -", b"freeze --force", b"unfreeze now", b"renew 9999",
    # Not quite a verb.
    b"Status", b"STATUS", b" status", b"status ", b"status  ", b"status\t", b"statuss", b"stat", b"freezeunfreeze",
    b"./status",
    "st\u0430tus".encode(), "status\u00a0".encode(), "status\u2028".encode(), b"\xffstatus", b"status\xff",
    b"status\x7f",
    b"\x1b[2Jstatus", b"status\x1b", b"status\x00read",
    # Arguments that are none.
    b"revoke", b"revoke ", b"revoke *", b"revoke all", b"revoke ../x", b"revoke read-1a2b3c4", b"revoke read-1a2b3c4d5",
    b"revoke read-1A2B3C4D", b"revoke read-1a2b3c4g", b"revoke root-1a2b3c4d", b"revoke read-1a2b3c4d read-1a2b3c4d",
    b"revoke read-1a2b3c4d;id", b"revoke read-1a2b3c4d/../..", b"revoke  read-1a2b3c4d", b"revoke -h",
    b"redirect", b"redirect to", b"redirect to ", b"redirect files.example.org", b"redirect to localhost",
    b"redirect to 10.0.0.1", b"redirect to [::1]", b"redirect to https://files.example.org", b"redirect to a.org/x",
    b"redirect to a.org:443", b"redirect to a.org b.org", b"redirect to .a.org", b"redirect to a..org",
    b"redirect to a.org.",
    b"redirect to -a.org", b"redirect to a-.org", b"redirect to A.org", b"redirect to a.o_g", b"redirect to ../../etc",
    b"redirect to $(id).org", b"redirect to a.org\n", b"redirect to a.1", b"redirect to {http.request.uri}.org",
    b"redirect to " + b"a" * 64 + b".org", b"redirect to " + LONG, "redirect to b\u00fccher.org".encode(),
    b"issue", b"issue source-read", b"issue source-read until", b"issue source-read until tomorrow",
    b"issue operator until 2026-12-19T21:04:00Z", b"issue source-write until 2026-12-19T21:04:00Z",
    b"issue source-read until 2026-12-19", b"issue source-read until 2026-12-19T21:04:00",
    b"issue source-read until 2026-12-19t21:04:00z",
    b"issue source-read until 2026-12-19T21:04:00+02:00", b"issue source-read until 2026-13-19T21:04:00Z",
    b"issue source-read until 2026-02-30T21:04:00Z", b"issue source-read until 2026-12-19T25:04:00Z",
    b"issue source-read until 2026-12-19T21:04:61Z", b"issue source-read until 0000-12-19T21:04:00Z",
    "issue source-read until \u0662\u0660\u0662\u0666-12-19T21:04:00Z".encode(),
    b"issue source-read until 2026-12-19T21:04:00Z;id",
    b"issue source-read until 2026-12-19T21:04:00Z\n", b"issue\tsource-read\tuntil\t2026-12-19T21:04:00Z",
    # Too much.
    b"status" + b" " * 200, b"a" * 10_000, b"status " * 10_000, b"\n" * 10_000,
]  # fmt: skip
HEX = set("0123456789abcdef")


def independent(text: str) -> bool:
    """Whether a text is a request: judged word by word, without a regular expression."""
    words = text.split(" ")
    if text in ("status", "read", "freeze", "renew", "unfreeze", "restore"):
        return True
    if words[0] == "revoke" and len(words) == 2:
        kind, dash, number = words[1].partition("-")
        return kind in ("read", "cutover", "operator") and dash == "-" and len(number) == 8 and set(number) <= HEX
    if words[:2] == ["redirect", "to"] and len(words) == 3:
        labels = words[2].split(".")
        letters = set(string.ascii_lowercase + string.digits + "-")
        plain = all(0 < len(each) < 64 and set(each) <= letters and "-" not in (each[0], each[-1]) for each in labels)
        return plain and len(labels) > 1 and len(words[2]) >= 4 and labels[-1][0] in string.ascii_lowercase
    if words[0] == "issue" and len(words) == 4 and words[2] == "until":
        try:
            moment = datetime.datetime.strptime(words[3], "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            return False
        same = f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}Z" == words[3]
        return same and words[1] in ("source-read", "source-cutover")
    return False


class Requests(unittest.TestCase):
    def test_every_form_is_understood(self) -> None:
        for text, (verb, parts) in GOOD.items():
            with self.subTest(text):
                found = request.parse(text)
                self.assertEqual(found.verb, verb)
                for name, value in parts.items():
                    self.assertEqual(getattr(found, name), value)
        until = request.parse(b"issue source-read until 2026-12-19T21:04:00Z").until
        self.assertEqual(until, datetime.datetime(2026, 12, 19, 21, 4, tzinfo=datetime.UTC))
        self.assertEqual({verb for verb, _ in GOOD.values()}, set(request.FORMS), "a verb without a case")

    def test_everything_else_is_refused_and_not_repeated(self) -> None:
        for asked in HOSTILE:
            with self.subTest(asked), self.assertRaises(Refused) as refused:
                request.parse(asked)
            if asked and len(asked) > 12 and b" " not in asked:
                self.assertNotIn(asked.decode("latin-1"), str(refused.exception))

    def test_whatever_is_understood_is_a_request_and_nothing_more(self) -> None:
        """Good requests with a few bytes changed, added or taken away, judged twice: 60,000 of them."""
        chance = random.Random(20261121)
        interesting = b" \t\n\r\0;|&$`'\"\\<>()*?~#.-/:Z09azAZ_\x7f\x80\xff"
        understood = refused = 0
        for _ in range(60_000):
            text = bytearray(chance.choice(list(GOOD)))
            for _ in range(chance.randint(0, 3)):
                at, byte = (
                    chance.randint(0, len(text)),
                    chance.choice([chance.choice(interesting), chance.randrange(256)]),
                )
                match chance.randrange(4):
                    case 0:
                        text.insert(at, byte)
                    case 1:
                        text[at : at + 1] = bytes([byte])
                    case 2:
                        del text[at : at + chance.randint(1, 4)]
                    case _:
                        other = chance.choice(list(GOOD))
                        text[at:at] = other[: chance.randint(0, len(other))]
            given = bytes(text)
            try:
                request.parse(given)
                seen = True
            except Refused:
                seen = False
            wanted = given.isascii() and independent(given.decode("ascii"))
            self.assertEqual(seen, wanted, given)
            understood, refused = understood + seen, refused + (not seen)
        self.assertGreater(min(understood, refused), 5_000, "the cases are one-sided, so they show little")

    def test_each_kind_may_ask_for_its_own_verbs_alone(self) -> None:
        allowed = {
            "source-read": {"status", "read"},
            "source-cutover": {"status", "read", "revoke", "freeze", "renew", "unfreeze", "redirect", "restore"},
            "operator": set(request.FORMS),
        }
        for kind, verbs in allowed.items():
            for text, (verb, _) in GOOD.items():
                with self.subTest(kind=kind, asked=text):
                    if verb in verbs:
                        request.permit(kind, "cutover-1a2b3c4d", request.parse(text))
                    else:
                        with self.assertRaises(Refused):
                            request.permit(kind, "cutover-1a2b3c4d", request.parse(text))

    def test_who_cuts_over_ends_itself_and_readers_and_nobody_else(self) -> None:
        mine = "cutover-1a2b3c4d"
        for name, allowed in (
            (mine, True),
            ("read-00000000", True),
            ("cutover-1a2b3c4e", False),
            ("operator-1a2b3c4d", False),
        ):
            asked = request.parse(f"revoke {name}".encode())
            with self.subTest(name):
                request.permit("operator", "operator-00000000", asked)
                if allowed:
                    request.permit("source-cutover", mine, asked)
                else:
                    with self.assertRaises(Refused):
                        request.permit("source-cutover", mine, asked)


if __name__ == "__main__":
    unittest.main()
