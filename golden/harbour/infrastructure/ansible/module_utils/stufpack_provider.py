"""What differs between providers once Terraform has made something: one file for each, and one line here.

Each has `check` (whose account it is), `console` (what a new machine shows), `way_in` (the command through which SSH
goes), `by_hand` and `left` (what a person does).
"""

from __future__ import annotations

from types import ModuleType

from ansible.module_utils import stufpack_aws
from ansible.module_utils.stufpack_http import StufError

PROVIDERS = {"aws": stufpack_aws}


def of(word: str) -> ModuleType:
    """The provider of this word; raises `StufError` for one that makes no machine."""
    if word not in PROVIDERS:
        raise StufError(f"nothing is known here of machines at the provider {word}")
    return PROVIDERS[word]
