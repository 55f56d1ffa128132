"""A validation report for people: Markdown, and HTML that needs nothing beside itself, prints well and runs no script.

Whatever stands in a report is text: each value is shown with its control and direction marks visible, and escaped for
the form it goes into.
"""

import html as entities
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console import plain

_WORDS = {
    "pass": "pass", "warn": "warning", "not_run": "not run", "unverifiable": "could not be verified", "fail": "failed",
}  # fmt: skip
_MEANS = {
    "pass": "Every check passed.",
    "warn": "Nothing failed; an approval has to accept each warning below by its name.",
    "not_run": "Something that has to be checked was not.",
    "unverifiable": "Something could not be looked at, so nothing follows from this run.",
    "fail": "Something is not as it has to be.",
}
_STYLE = """
:root { color-scheme: light }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere; white-space: pre-wrap }
th { white-space: nowrap }
.word { font-weight: 600; white-space: nowrap }
.pass { color: #14632b } .warn { color: #7a4b00 } .not_run, .unverifiable { color: #5b2a86 } .fail { color: #a11212 }
.evidence { color: #555; font-size: .85rem }
@media print { body { margin: 0; max-width: none; font-size: 11px }
  tr { break-inside: avoid } h2 { break-after: avoid } }
"""


def _sections(document: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Steps in the order in which they ran, each with its checks."""
    steps = dict.fromkeys(check["step"] for check in document["checks"])
    for step in steps:
        title = f"{titles.get(step, step)} ({step})"
        yield title, [check for check in document["checks"] if check["step"] == step]


def _bad(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [check for check in document["checks"] if check["verdict"] != "pass"]


def _about(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    package = document["package"]
    return [
        ("Installation", f"{package['slug']} {package['environment']}, package {package['number']}"),
        ("Plan", document["plan"]),
        ("Run", f"{document['run']}, from {document['started']} to {document['ended']}"),
        ("Checks", ", ".join(f"{count} {_WORDS[word]}" for word, count in document["counts"].items() if count) or "0"),
    ]


def _why(check: Mapping[str, Any]) -> str:
    optional = "" if check["required"] else "need not run"
    return "; ".join(part for part in (check["why"], optional) if part)


def md(text: object) -> str:
    """A value inside a paragraph, list item or table cell of CommonMark, as exactly this text."""
    shown = plain(str(text)).replace("\n", " ⏎ ")
    shown = re.sub(r"([\\`*_{}\[\]<>#|~$@&!^])", r"\\\1", shown)
    # `://` and `www.` would become links, and two spaces at an end a line break.
    return re.sub(r"(?i)(www)\.", r"\1\\.", shown.replace("://", r"\://")).strip()


def markdown(document: Mapping[str, Any], title: str, titles: Mapping[str, str]) -> str:
    """The report as CommonMark with GitHub's tables."""
    word = document["verdict"]
    lines = [f"# {md(title)}: {_WORDS[word]}", "", _MEANS[word], ""]
    lines += [f"- {name}: {md(value)}" for name, value in _about(document)]
    if _bad(document):
        lines += ["", "## Not passed", *_head("Why")]
        for check in _bad(document):
            lines.append(_line(f"{check['step']}: {check['id']}", check, _why(check)))
    for step, checks in _sections(document, titles):
        lines += ["", f"## {md(step)}", *_head("At")]
        lines += [_line(check["id"], check, check["ran_at"] or "") for check in checks]
        if evidence := _evidence(checks):
            lines += ["", f"Evidence: {md(evidence)}"]
    return "\n".join(lines) + "\n"


def _head(last: str) -> list[str]:
    return ["", f"| Check | Verdict | Expected | Observed | {last} |", "|---|---|---|---|---|"]


def _line(name: str, check: Mapping[str, Any], last: str) -> str:
    cells = (name, _WORDS[check["verdict"]], check["expected"], check["observed"] or "", last)
    return "| " + " | ".join(md(cell) for cell in cells) + " |"


def _evidence(checks: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(path for check in checks for path in check["evidence"]))


def _text(value: object) -> str:
    """A value as HTML text."""
    return entities.escape(plain(str(value)))


def _row(name: str, check: Mapping[str, Any], last: str) -> str:
    word = check["verdict"]
    rest = "".join(f"<td>{_text(cell)}</td>" for cell in (check["expected"], check["observed"] or "", last))
    return f'<tr><td>{_text(name)}</td><td class="word {word}">{_WORDS[word]}</td>{rest}</tr>\n'


def _table(rows: Iterable[str], last: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Check", "Verdict", "Expected", "Observed", last))
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>\n"


def html(document: Mapping[str, Any], title: str, titles: Mapping[str, str]) -> str:
    """The report as one page."""
    word = document["verdict"]
    about = "".join(
        f'<tr><th scope="row">{name}</th><td>{_text(value)}</td></tr>\n' for name, value in _about(document)
    )
    parts = [f"<table>\n<tbody>\n{about}</tbody>\n</table>\n"]
    if bad := _bad(document):
        rows = (_row(f"{check['step']}: {check['id']}", check, _why(check)) for check in bad)
        parts.append("<h2>Not passed</h2>\n" + _table(rows, "Why"))
    for step, checks in _sections(document, titles):
        rows = (_row(check["id"], check, check["ran_at"] or "") for check in checks)
        parts.append(f"<h2>{_text(step)}</h2>\n" + _table(rows, "At"))
        if evidence := _evidence(checks):
            parts.append(f'<p class="evidence">Evidence: {_text(evidence)}</p>\n')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Nothing is loaded and nothing runs, whatever stands in a value.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}: {_WORDS[word]}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{_text(title)}: <span class="{word}">{_WORDS[word]}</span></h1>\n<p>{_MEANS[word]}</p>\n'
        + "".join(parts)
        + "</body>\n</html>\n"
    )
