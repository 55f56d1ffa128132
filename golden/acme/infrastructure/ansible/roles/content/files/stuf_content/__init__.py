"""Moves a STUF's uploaded files from the source's bucket to the target's, and proves every one of them.

It runs on the target machine, with the Python of the system and nothing else. rclone moves bytes in bulk; it neither
decides nor proves: native listings of both stores are the authority, and each object is read back.

```text
probe ──▶ inventory ──▶ check-keys ──▶ copy ──▶ delta ──▶ prove
                                                └── reconcile ──┘
```
"""
