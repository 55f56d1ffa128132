"""The cases of data with Azurite as the target. D05 to D08 stand in test_azure.py."""

from __future__ import annotations

import test_delta
import test_first_copy
import test_proof
from cases import Case
from stores import Bucket, azurite
from test_azure import RULE


class _OnAzure(Case):
    def between(self, source: Bucket, target: object, **changes: object) -> None:
        """The same source, and Azurite in the place of the target that the case asks for."""
        super().between(source, azurite().container(), **{"store": "azure-blob", **changes})

    def list_source(self, *given, **more) -> None:
        """Lists what the source holds, with the rule where it is needed."""
        rule = {key: rule for key, rule in RULE.items() if key in self.source.listed()}
        super().list_source(*given, **{**rule, **more})


class ProofOnAzure(_OnAzure, test_proof.Proof):
    """What the proof finds in Azure."""

    # Azure has no `expires`: a key with one is refused before the copy (test_azure.py).
    headers = {name: text for name, text in test_proof.Proof.headers.items() if name != "Expires"}


class DeltaOnAzure(_OnAzure, test_delta.Delta):
    """What changed meanwhile, carried to Azure."""

    beyond = ("azure-blob", "lead.", "lead%2E")


class ListsOnAzure(_OnAzure, test_first_copy.Lists):
    """Lists that name what is not there."""
