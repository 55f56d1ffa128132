"""What the controller's pages share: one look, and one way in which a value becomes text.

A page needs nothing beside itself, runs no script, prints well, and can be read on a phone, in the dark too. Whatever
stands in a value is text: control and direction marks are shown, markup is escaped. The look is that of the pages that
`stufpack` makes, in as many rules as these need.
"""

import html as entities
from collections.abc import Iterable, Sequence

from console import plain

_STYLE = """
:root { color-scheme: light dark; --paper: #faf9f6; --ink: #20262d; --soft: #586069; --line: #dcd9d1;
  --accent: #1b5a8e; --plain-bg: #efede8; --good: #14602c; --warn: #714600; --bad: #9a1616; --deep: #572a83 }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #13171c; --ink: #e3e7eb; --soft: #a0abb6;
  --line: #343d47; --accent: #86b9ee; --plain-bg: #28303a; --good: #8fd6a3; --warn: #f0c27a; --bad: #f7a8a1;
  --deep: #cfb2f0 } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1, h2 { line-height: 1.25; margin: 0 0 .5rem } h1 { font-size: 1.6rem }
h2 { font-size: 1.2rem; margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line) }
p, dl, table, progress { margin: 0 0 1rem }
a { color: var(--accent) } :focus-visible { outline: 3px solid var(--accent) }
code { font: .9em/1.45 ui-monospace, monospace; background: var(--plain-bg); padding: .1em .3em; white-space: pre-wrap }
progress { width: 100%; height: 1rem; accent-color: var(--accent) }
.facts { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .3rem 1rem }
.facts dt, .soft { color: var(--soft) } .facts dd { margin: 0; min-width: 0; white-space: pre-wrap }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line);
  font-weight: 400; white-space: pre-wrap }
thead th { color: var(--soft); font-size: .85rem; white-space: nowrap }
.word { font-weight: 600 } .soft { font-size: .85rem }
.pass { color: var(--good) } .warn { color: var(--warn) } .not_run, .unverifiable { color: var(--deep) }
.fail { color: var(--bad) }
@media (max-width: 40rem) {
  .facts { grid-template-columns: 1fr; gap: 0 } .facts dd { margin-bottom: .6rem }
  tbody, tr, td, th { display: block } thead { position: absolute; clip-path: inset(50%) }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line) } td, tbody th { padding: .1rem 0; border: 0 }
  td::before { content: attr(data-label) ": "; color: var(--soft) } td:empty { display: none }
}
@media print { :root { --paper: #fff } body { font-size: 10pt } main { max-width: none; padding: 0 }
  tr { break-inside: avoid } h2 { break-after: avoid } }
"""


def text(value: object) -> str:
    """A value as HTML text."""
    return entities.escape(plain(str(value)))


def page(title: str, body: str, *, again: int | None = None) -> str:
    """A whole page, `body` being HTML; with `again` it loads itself anew after so many seconds."""
    refresh = "" if again is None else f'<meta http-equiv="refresh" content="{again}">\n'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Nothing is loaded and nothing runs, whatever stands in a value.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{refresh}<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A list of names and what is so, the latter being HTML."""
    lines = "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>\n" for name, value in rows)
    return f'<dl class="facts">\n{lines}</dl>\n'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells in HTML, the first of each row its name; where it is narrow, every row is a block."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in heads)
    lines = "".join(_row(heads[1:], *cells) for cells in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n"


def _row(heads: Sequence[str], name: str, *cells: str) -> str:
    labelled = zip(heads, cells, strict=True)
    rest = "".join(f'<td data-label="{text(head)}">{cell}</td>' for head, cell in labelled)
    return f'<tr><th scope="row">{name}</th>{rest}</tr>\n'
