"""What Terraform is told to be secret, read where Terraform itself keeps it in clear: its state and its plans.

Both hold every value, and beside it what of it is sensitive. It is searched for as the secrets of the state folder are,
and written nowhere. Only texts are told, and only those that no word or name of a region is as long as: what is
shorter stands in logs for reasons of its own.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHORTEST = 12
# The state, its copies, and what an apply leaves that could not write it; plans as `terraform show` tells them.
_STATES = ("terraform/terraform.tfstate*", "terraform/archive/*.tfstate", "terraform/code/errored.tfstate")
_PLANS = ("packages/*/terraform/plan.json",)


def known(root: Path) -> Iterator[tuple[str, str]]:
    """Names and texts; a file that is not understood is an error, since nothing finds what it holds."""
    for read, patterns in ((_of_state, _STATES), (_of_plan, _PLANS)):
        for path in (path for pattern in patterns for path in sorted(root.glob(pattern))):
            content = path.read_bytes()
            try:
                # Terraform makes an empty file before it writes the first state.
                found = list(read(json.loads(content))) if content.strip() else []
            except (ValueError, LookupError, TypeError, AttributeError):
                raise ValueError(f"{path} is not of the form in which Terraform tells what is sensitive") from None
            yield from found


def _of_state(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A state as Terraform keeps it: each object lists the ways to what is sensitive in it."""
    yield from _of_outputs(state.get("outputs") or {})
    for resource in state.get("resources") or ():
        for one in resource["instances"]:
            for way in one.get("sensitive_attributes") or ():
                for text in _texts(_at(one["attributes"], way)):
                    yield f"{resource['type']}.{resource['name']}", text


def _of_plan(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A plan as `terraform show -json` tells it: what is there before, what is there after, and what it was given."""
    for values in (plan.get("planned_values"), (plan.get("prior_state") or {}).get("values")):
        yield from _of_outputs((values or {}).get("outputs") or {})
        yield from _of_module((values or {}).get("root_module") or {})
    declared = (plan.get("configuration") or {}).get("root_module") or {}
    for name, variable in (declared.get("variables") or {}).items():
        if variable.get("sensitive"):
            given = (plan.get("variables") or {}).get(name, variable)
            yield from ((f"var.{name}", text) for text in _texts(given.get("value", variable.get("default"))))


def _of_outputs(outputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, output in outputs.items():
        if output.get("sensitive"):
            yield from ((f"output.{name}", text) for text in _texts(output.get("value")))


def _of_module(module: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in module.get("resources") or ():
        for text in _marked(resource.get("values"), resource.get("sensitive_values")):
            yield f"{resource['type']}.{resource['name']}", text
    for inner in module.get("child_modules") or ():
        yield from _of_module(inner)


def _marked(value: Any, marks: Any) -> Iterator[str]:
    """Texts of a value where its marks, which are of its shape, say so."""
    if isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from _marked(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list) and len(marks) == len(value):
        for part, mark in zip(value, marks, strict=True):
            yield from _marked(part, mark)
    elif marks:
        yield from _texts(value)


def _at(value: Any, way: list[dict[str, Any]]) -> Any:
    """What a way leads to; where it goes no further, as in a set, whose elements have no place, all that it reaches."""
    for step in way:
        key = step["value"]["value"] if step["type"] == "index" else step["value"]
        if isinstance(value, dict) and value.keys() == {"value", "type"} and isinstance(value["type"], list):
            # Of any type, which stands beside it.
            value = value["value"]
        named = isinstance(value, dict) and isinstance(key, str) and key in value
        if not named and not (isinstance(value, list) and isinstance(key, int)):
            return value
        value = value[key]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value.encode()) >= SHORTEST:
            yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
