"""Makes an export with a large inventory, for measurements.

usage: inventory.py EXPORT OUT ROWS sorted|shuffled
"""

import random
import re
import shutil
import sys
from pathlib import Path

HEADER = "key,size,modified,content_type,sha256,metadata\n"
METADATA = '"{""original_filename"":""report.pdf"",""uploader"":""a""}"'


def line(number: int) -> str:
    """One object; keys grow with the number."""
    key = f"reports/user-{number // 1000:06d}@example.org/20260101-000000-report number {number:09d}.pdf"
    return f"{key},{number % 50_000},2026-01-01T00:00:00Z,application/pdf,,{METADATA}\n"


def main() -> None:
    """Writes the export."""
    source, out, rows, order = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    shutil.copytree(source, out)
    for old in out.glob("inventory.*"):
        old.unlink()
    numbers: list[int] | range = range(rows)
    if order == "shuffled":
        numbers = list(numbers)
        random.Random(7).shuffle(numbers)
    with (out / "inventory.csv").open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for begin in range(0, rows, 100_000):
            file.writelines(line(number) for number in numbers[begin : begin + 100_000])
    total = sum(number % 50_000 for number in range(rows))
    export = out / "export.yaml"
    text = export.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(\s*objects:).*$", rf"\1 {rows}", text)
    text = re.sub(r"(?m)^(\s*bytes:).*$", rf"\1 {total}", text)
    export.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
