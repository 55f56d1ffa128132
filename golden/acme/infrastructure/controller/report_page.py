"""A validation report for people: Markdown, and HTML in the look of the controller's pages.

Whatever stands in a report is text: each value is shown with its control and direction marks visible, and escaped for
the form it goes into.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import html_page
from console import plain
from html_page import text

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
_HEADS = ("Check", "Verdict", "Expected", "Observed")


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


def _row(name: str, check: Mapping[str, Any], last: str) -> tuple[str, ...]:
    word = check["verdict"]
    rest = (text(cell) for cell in (check["expected"], check["observed"] or "", last))
    return text(name), f'<span class="word {word}">{_WORDS[word]}</span>', *rest


def html(document: Mapping[str, Any], title: str, titles: Mapping[str, str]) -> str:
    """The report as one page."""
    word = document["verdict"]
    parts = [
        f'<h1>{text(title)}: <span class="{word}">{_WORDS[word]}</span></h1>\n<p>{_MEANS[word]}</p>\n',
        html_page.facts((name, text(value)) for name, value in _about(document)),
    ]
    if bad := _bad(document):
        rows = (_row(f"{check['step']}: {check['id']}", check, _why(check)) for check in bad)
        parts.append("<h2>Not passed</h2>\n" + html_page.table((*_HEADS, "Why"), rows))
    for step, checks in _sections(document, titles):
        rows = (_row(check["id"], check, check["ran_at"] or "") for check in checks)
        parts.append(f"<h2>{text(step)}</h2>\n" + html_page.table((*_HEADS, "At"), rows))
        if evidence := _evidence(checks):
            parts.append(f'<p class="soft">Evidence: {text(evidence)}</p>\n')
    return html_page.page(f"{title}: {_WORDS[word]}", "".join(parts))
