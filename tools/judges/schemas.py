"""Holds what people write and every JSON document of an unpacked package to its published schema.

usage: schemas.py EXAMPLE TREE SCHEMAS
"""

import json
import sys
from pathlib import Path

import jsonschema
import yaml

WRITTEN = {"export/export.yaml": "export.json", "target.yaml": "target.json"}
DOCUMENTS = {"manifest.json": "manifest.json", "MIGRATION-PLAN.json": "plan.json"}


class Reader(yaml.SafeLoader):
    """YAML as editors read it against a schema: a time is text."""


Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def main() -> int:
    """Judges every JSON file; those without a schema must at least parse."""
    example, tree, schemas = map(Path, sys.argv[1:4])
    validator = jsonschema.Draft202012Validator
    documents = {name: (yaml.load((example / name).read_bytes(), Reader), schema) for name, schema in WRITTEN.items()}
    for name, schema in DOCUMENTS.items():
        documents[name] = (json.loads((tree / name).read_text(encoding="utf-8")), schema)
    wrong = 0
    for name, (document, schema) in documents.items():
        judge = validator(json.loads((schemas / schema).read_text(encoding="utf-8")))
        for error in judge.iter_errors(document):
            wrong += 1
            print(f"{name}: {error.json_path}: {error.message[:200]}")
    for path in sorted(tree.rglob("*.json")):
        json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(schemas.glob("*.json")):
        validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
