"""Makes of what was printed a text that others may read: what is not known to be harmless is masked.

Harmless are the words of the package's own clear files, in which no secret and nobody's name stands (the gate of
`compile` has seen to that), what tools and the system say of themselves, small numbers and times. Any other word
becomes a number, the same word the same number, so that a reader still sees that two lines speak of the same thing.
Thus a user who was added yesterday, a file's name or a password is masked without anyone knowing it.

Names may be made of harmless words too. So the people of the package lose theirs, what stands where tools name a user
or a file is masked whatever it is, and each line is searched, as an operation folder is, for every known secret and
for the people of the package; a line with a hit is left out as a whole.
"""

import enum
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import leak
import people
import tool_words
from console import plain

# Larger clear files are lists and pictures, not words. What a line has beyond that says no more.
_LARGEST, _LONGEST = 1 << 20, 1000
LEFT_OUT = "(a line with a secret was left out)"
LEFT_OUT_WHOLE = "(a secret stands over several lines, so all of this was left out)"
LEFT_OUT_USER = "(a line that names a user was left out)"

_WORD = re.compile(r"\w+")
# Between these stands what is one word where it is an address, a path or a name with a dot.
_TOKEN = re.compile(r"[^\s\"'`<>()\[\]{},;=|]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FAULT = re.compile(r"(?:[A-Z][a-z]+){2,}(?:Exception|Error|Failure)")
# Numbers and amounts; six digits may be the code of a second factor, however they are joined.
_FIGURE = re.compile(r"[0-9]{1,5}(?:ms|s|m|h|%|[kKMGT]i?B?|B)?|0x[0-9a-f]{1,4}")
_JOINED = re.compile(r"[0-9]+(?:[-/:._][0-9]+)+")
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_TIME = re.compile(rf"{_CLOCK}|([0-9]{{4}})[-/][0-9]{{2}}[-/][0-9]{{2}}(?:T{_CLOCK})?")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])")
_IPV6 = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,}(?:%\w+|/[0-9]+)?")
# Telephone numbers and accounts, which are written with blanks.
_SPACED = re.compile(r"\+[0-9][0-9 ()/-]{5,30}[0-9]|(?<!\w)(?:[0-9]{4} ){2,8}[0-9]{1,4}(?!\w)")
# What tools say of a user or a file, where the value is known by its key: as in JSON, logfmt and PostgreSQL's details.
_KEYS = (
    "user|user_?name|user_?id|preferred_username|login|e-?mail|(?:first|last|given|family|display|full)_?name|name|owner|"
    "subject|sub|role|group|object|key|file|file_?name|path|prefix|title|uploader|author|description|comment|by"
)
_KEYED = re.compile(
    rf"(?i)(\b(?:{_KEYS})\b[\"']?\s{{0,3}}[:=]\s{{0,3}})(\"[^\"]{{0,500}}\"|'[^']{{0,500}}'|[^\s,;}}\])\"']{{1,500}})"
)
_TOLD = re.compile(
    r"(\b(?i:user|username|login|publickey for|password for) )"
    r"(\"[^\"]{1,200}\"|'[^']{1,200}'|[^\s\"']{1,200}(?: \(?[A-Z]\w{1,50}\)?){0,3})"
)
_ROW = re.compile(r"((?<==)|contains )\([^()]{0,1000}\)?")
_REQUEST = re.compile(r"\b(GET|PUT|POST|HEAD|DELETE|PATCH|OPTIONS) (\S{1,1000})")
_QUOTED = re.compile(r"\"([^\"]{1,500})\"|'([^']{1,500})'")
# Names of units, modules and packages of programs, as services say them of themselves; files of users end otherwise.
_OF_PROGRAMS = re.compile(
    r"[\w@-]+\.(?:service|socket|timer|mount|tf|py|java|go|rs)(?::[0-9]+)?|(?:org|io|java|com)\.[\w.$]+"
)


class Said(enum.Enum):
    """Who has said it: what may stand there decides how much is masked."""

    HERE = enum.auto()  # this controller, in the package's words
    TOOLS = enum.auto()  # Ansible and what it calls: of users by their keys
    SERVICES = enum.auto()  # what serves users, who have files of any name


@dataclass
class Redactor:
    """Masks texts; one for a whole bundle, so that numbers mean the same in all of its files."""

    words: frozenset[str]
    compounds: frozenset[str]
    secrets: leak.Needles
    people: people.People
    years: range
    masked: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    def text(self, said: Said, text: str) -> str:
        """A text line by line, masked; a line in which a secret or a person of the package stands is left out."""
        lines = text.splitlines()
        self._leave_out(lines, LEFT_OUT, (hit.path for hit in leak.search_for(_numbered(lines), self.secrets)))
        if leak.search_for({"": _bytes("\n".join(lines))}, self.secrets):
            self.left_out += sum(line != LEFT_OUT for line in lines)
            return LEFT_OUT_WHOLE + "\n"
        named = (found.rpartition(",")[0] for found in people.search(_numbered(lines), self.people))
        self._leave_out(lines, LEFT_OUT_USER, named)
        kept = (line if line in (LEFT_OUT, LEFT_OUT_USER) else self.line(line, said) for line in lines)
        return "".join(f"{line}\n" for line in kept)

    def _leave_out(self, lines: list[str], why: str, numbers: Iterable[str]) -> None:
        """Puts why in the place of lines, which are named as `_numbered` has named them."""
        for place in {int(number) for number in numbers}:
            lines[place] = why
            self.left_out += 1

    def line(self, line: str, said: Said) -> str:
        """One line, with whatever is not known to be harmless as a number; what is too long is cut."""
        line = unicodedata.normalize("NFKC", line)
        line = line if len(line) <= _LONGEST else line[:_LONGEST] + " …"
        line = _SPACED.sub(lambda found: self._number(found[0]), line)
        if said is not Said.HERE:
            line = _ROW.sub(lambda found: f"{found[1]}({self._number(found[0])})", line)
            line = _KEYED.sub(self._value, line)
            line = _TOLD.sub(self._value, line)
        if said is Said.SERVICES:
            line = _REQUEST.sub(lambda found: f"{found[1]} {self._known_or_number(found[2])}", line)
            line = _QUOTED.sub(self._quoted, line)
        return plain(self._tokens(line, said))

    def _value(self, found: re.Match[str]) -> str:
        """What stands where a user or a file is named, whatever it is, but for accounts that are no person's."""
        value = found[2].strip("\"'").rstrip(".:")
        first = value.split(" ")[0].casefold()
        harmless = first in tool_words.ACCOUNTS or first in tool_words.AFTER_USER or not _WORD.search(value)
        return found[0] if harmless else f"{found[1]}{self._number(value)}"

    def _quoted(self, found: re.Match[str]) -> str:
        """A quoted text is one word where anything in it is masked: it may be a file's name, with blanks."""
        inner = found[1] or found[2]
        return found[0] if self._tokens(inner, Said.SERVICES) == inner else f'"{self._number(inner)}"'

    def _known_or_number(self, text: str) -> str:
        return text if text in self.compounds else self._number(text)

    def _tokens(self, line: str, said: Said) -> str:
        parts, end, first = [], 0, True
        for found in _TOKEN.finditer(line):
            parts += [line[end : found.start()], self._token(found[0], said, first)]
            end, first = found.end(), found[0][-1] in ".:!?"
        return "".join(parts) + line[end:]

    def _token(self, token: str, said: Said, first: bool) -> str:
        """What stands between blanks and brackets; `first` in a sentence, where any word has a capital."""
        bare = token.rstrip(".:!?")
        rest = token[len(bare) :]
        if not _WORD.search(bare) or bare in self.compounds or bare in self.words:
            return token
        if self._is_time(bare):
            return re.sub(r"\.[0-9]+", "", bare) + rest
        if "@" in bare or _IPV4.search(bare) or _IPV6.fullmatch(bare):
            return self._number(bare) + rest
        if _JOINED.fullmatch(bare) and sum(character.isdigit() for character in bare) > 5:
            return self._number(bare) + rest
        dotted = any(character in "./%" for character in bare) and not _FIGURE.fullmatch(bare.replace(".", ""))
        if said is Said.SERVICES and dotted and not (_OF_PROGRAMS.fullmatch(bare) and self._all_known(bare)):
            return self._number(bare) + rest
        return _WORD.sub(lambda found: self._word(found[0], first), bare) + rest

    def _is_time(self, token: str) -> bool:
        """A time of day, or a day of these years: others are days of birth."""
        found = _TIME.fullmatch(token)
        return found is not None and (found[1] is None or int(found[1]) in self.years)

    def _all_known(self, token: str) -> bool:
        return all(self._is_known(word, first=True) for word in _WORD.findall(token))

    def _word(self, word: str, first: bool) -> str:
        return word if self._is_known(word, first) else self._number(word)

    def _is_known(self, word: str, first: bool) -> bool:
        """Whether a word is harmless: written so, in capitals, or made of such words; a name has a capital."""
        if word in self.words or _FIGURE.fullmatch(word) or _FAULT.fullmatch(word):
            return True
        if word.islower() or word.isupper() or (first and word.istitle()):
            parts = word.lower().split("_")
            return all(part in self.words or _FIGURE.fullmatch(part) or not part for part in parts)
        parts = [part for piece in word.split("_") for part in _CAMEL.findall(piece)]
        whole = sum(map(len, parts)) == len(word.replace("_", "")) and len(parts) > 1
        return whole and all(part.lower() in self.words or _FIGURE.fullmatch(part) for part in parts)

    def _number(self, word: str) -> str:
        return f"‹{self.masked.setdefault(word.casefold(), len(self.masked) + 1)}›"


def _numbered(lines: Sequence[str]) -> dict[str, bytes]:
    """Each line as a file of its own, named by its place, so that a search tells of every one."""
    return {str(place): _bytes(line) for place, line in enumerate(lines)}


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def of_package(root: Path, state: Path, digests: Iterable[str] = ()) -> Redactor:
    """Reads what is harmless, what is secret and who is named; a file that cannot be read is an error.

    `digests` are of bytes that hold nothing personal; they are shown.
    """
    words, compounds = {*tool_words.ACCOUNTS, *tool_words.of_the_system()}, set[str]()
    for path in _clear(root):
        text = path.read_text(encoding="utf-8", errors="ignore")
        words.update(_WORD.findall(text))
        tokens = (token.rstrip(".:!?") for token in _TOKEN.findall(text))
        compounds.update(token for token in tokens if any(one in token for one in "@./%"))
    named = people.known(root)
    theirs = named.words - tool_words.OF_EVERYBODY
    words -= {form for word in theirs for form in (word, word.casefold(), word.upper(), word.capitalize())}
    # JSON's own, whoever is called so: without them a document would be none.
    words |= {"null", "true", "false"}
    year = datetime.now(UTC).year
    known = leak.needles(leak.known(state))
    return Redactor(frozenset(words | set(digests)), frozenset(compounds), known, named, range(year - 1, year + 2))


def _clear(root: Path) -> Iterator[Path]:
    """The package's files that hold nothing personal: those that the signed list names, as `migrate` has verified."""
    for line in (root / "SHA256SUMS").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        path = root / line[66:]
        if path.is_file() and path.stat().st_size <= _LARGEST:
            yield path
