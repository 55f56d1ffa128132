"""The cases of data with a real Garage as the target: what a host has. D28 stands in test_garage.py."""

from __future__ import annotations

import datetime
from typing import ClassVar

import test_delta
import test_first_copy
import test_interruptions
import test_proof
from cases import Case
from stores import Bucket, garage

#: The one key of the fixtures that Garage cannot hold, as a target's rule renames it.
LEAD = {"/lead": {"target_key": "%2Flead", "alone": True}}


class Timed(Bucket):
    """Garage keeps no versions: what was written since has another time, to the millisecond."""

    def watch_writes(self) -> None:
        """Remembers when each object was written."""
        object.__setattr__(self, "before", self._times())

    def written(self) -> set[str]:
        """Keys that were written since."""
        return {key for key, at in self._times().items() if self.before.get(key) != at}

    def _times(self) -> dict[str, datetime.datetime]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", ())}


class _OnGarage(Case):
    def between(self, source: Bucket, target: Bucket, **changes: object) -> None:
        """The same source, and Garage in the place of the target that the case asks for."""
        bucket = garage().bucket()
        target = Timed(bucket.endpoint, bucket.name, bucket.client)
        super().between(source, target, **{"store": "garage", **changes})

    def list_source(self, *given, **more) -> None:
        """Lists what the source holds, with the rule where it is needed."""
        rule = {key: rule for key, rule in LEAD.items() if key in self.source.listed()}
        super().list_source(*given, **{**rule, **more})


class FirstCopyOnGarage(_OnGarage, test_first_copy.FirstCopy):
    """A whole content step to Garage, and what rclone alone makes of the same keys."""

    # Where moto takes `/lead` from rclone, Garage has `lead`, which nobody expects.
    after_rclone: ClassVar = {"differs": 12, "missing": 5, "unexpected": 1}

    def expected(self) -> dict[str, tuple]:
        """The same, by the name that the rule gives."""
        return {("%2Flead" if key == "/lead" else key): value for key, value in self.source.objects().items()}


class ProofOnGarage(_OnGarage, test_proof.Proof):
    """What the proof finds at Garage."""


class DeltaOnGarage(_OnGarage, test_delta.Delta):
    """What changed meanwhile, carried to Garage."""


class ListsOnGarage(_OnGarage, test_first_copy.Lists):
    """Lists that name what is not there."""


class KilledOnGarage(_OnGarage, test_interruptions.Killed):
    """What a killed copy to Garage left, and where the next goes on."""


class WindowsOnGarage(_OnGarage, test_interruptions.Windows):
    """A window that ends while objects are on their way to Garage."""
