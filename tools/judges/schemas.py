"""Holds every JSON document of an unpacked package to its published schema.

usage: schemas.py TREE SCHEMAS
"""

import json
import sys
from pathlib import Path

import jsonschema

DOCUMENTS = {"manifest.json": "manifest.json", "MIGRATION-PLAN.json": "plan.json"}


def main() -> int:
    """Judges every JSON file; those without a schema must at least parse."""
    tree, schemas = Path(sys.argv[1]), Path(sys.argv[2])
    validator = jsonschema.Draft202012Validator
    wrong = 0
    for name, schema in DOCUMENTS.items():
        judge = validator(json.loads((schemas / schema).read_text(encoding="utf-8")))
        for error in judge.iter_errors(json.loads((tree / name).read_text(encoding="utf-8"))):
            wrong += 1
            print(f"{name}: {error.json_path}: {error.message[:200]}")
    for path in sorted(tree.rglob("*.json")):
        json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(schemas.glob("*.json")):
        validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
