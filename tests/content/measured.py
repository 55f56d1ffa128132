"""One verb of the content program between two stores that answer at once and keep nothing: `measured.py COUNT WORDS`.

Leaves seconds of computing and KiB of memory, above what Python and its imports take, in the file `used`.
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MODIFIED = "2026-01-01T00:00:00.000Z"


def key_of(number: int) -> str:
    """A key as STUF makes it."""
    user = f"user{number % 500:03}@example.org"
    return f"collection-{number % 40:02}/{user}/20260101-{number % 86400:06}-Grundbuchauszug {number:06} (final).pdf"


def headers_of(number: int) -> dict[str, str]:
    """What a store says of the object."""
    digest = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return {
        "content-length": "4096", "content-type": "application/pdf", "etag": f'"{digest}"',
        "x-amz-meta-uploader": f"user{number % 500:03}@example.org", "x-amz-meta-comment": f"Akte {number % 97}",
        "x-amz-meta-original_filename": f"Grundbuchauszug {number:06} (final).pdf",
    }  # fmt: skip


def verb(count: int, words: list[str]) -> int:
    """Runs the program, without rclone."""
    from stuf_content import __main__ as program
    from stuf_content import bulk, entries, session, single

    class Quick:
        def __init__(self, place: object, *_: object) -> None:
            self.place = place
            self.listed_at = time.time()

        def listing(self, prefix: str = "") -> Iterator[entries.Entry]:
            for number in range(0 if prefix else count):
                etag = headers_of(number)["etag"].strip('"')
                yield entries.Entry(key=key_of(number), size=4096, etag=etag, modified=MODIFIED)

        def head(self, key: str, modified: str = "") -> entries.Entry:
            found = re.search(r"(\d+) \(final\)", key)
            assert found is not None
            return entries.from_answer(key, modified, headers_of(int(found[1])))

        def abandon_uploads(self, *_: object) -> int:
            return 0

        def put(self, *_: object) -> str:
            return ""

        def delete(self, _: str) -> None:
            return None

    session.opened = lambda _, *given: Quick(*given)
    bulk.check_version = lambda _: "1.73.0"
    bulk.send = lambda _, sent, *__, **___: len(sent)
    single.digest = lambda _, store, key: (store.head(key), hashlib.sha256(key.encode()).hexdigest())
    sys.argv = ["stuf_content", *words]
    base = peak()
    code = program.main()
    Path("used").write_text(f"{time.process_time()} {peak() - base}")
    return code


def peak() -> int:
    """KiB of memory at most, so far."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


if __name__ == "__main__":
    sys.exit(verb(int(sys.argv[1]), sys.argv[2:]))
