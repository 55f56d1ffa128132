"""Reads a running STUF and writes it down as an export: `python3 -m stuf_export read --config FILE`.

```text
settings ──▶ machine, identity, storage, documents, pages, outside ──▶ document ──▶ archive (a tar)
```

Stock Python 3.11, its standard library, and beside it `stufpack_signature` and `stufpack_answers`, on the machine where
STUF's services run. It only ever asks, and no credential is part of what it writes. `place` is the other half: it makes
the export's folder where the tar has arrived.
"""
