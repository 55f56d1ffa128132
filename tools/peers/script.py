"""What a good Python script would do instead of stufpack: render, hash, zip, sign, and commit where asked.

usage: script.py EXPORT TEMPLATES OUT KEY [GLASS]

TEMPLATES is a tree made by tools/bench from a real package: code as it is, documents as jinja2 templates. The script
does no check, keeps no ledger and plans nothing, so it has less to do.
"""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import jinja2
import yaml


def render(export: Path, templates: Path) -> dict[str, bytes]:
    """Every file of the package by path."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(export.joinpath("export.yaml").read_text(encoding="utf-8"), Loader=loader)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    files = {}
    for path in sorted(templates.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(templates).as_posix()
        if name.endswith(".jinja"):
            files[name.removesuffix(".jinja")] = environment.get_template(name).render(spec=document["spec"]).encode()
        else:
            files[name] = path.read_bytes()
    return files


def main() -> None:
    """Makes one package."""
    export, templates, out, key = (Path(argument) for argument in sys.argv[1:5])
    files = render(export, templates)
    out.mkdir(parents=True)
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(files.items()))
    sums_path = out / "SHA256SUMS"
    sums_path.write_text(sums, encoding="utf-8")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "stufpack", str(sums_path)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    files["SHA256SUMS"] = sums.encode()
    files["SHA256SUMS.sig"] = (out / "SHA256SUMS.sig").read_bytes()
    with zipfile.ZipFile(out / "package.zip", "w", zipfile.ZIP_STORED) as archive:
        for name, body in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"package/{name}", (1980, 1, 1, 0, 0, 0)), body)
    if len(sys.argv) > 5:
        glass = Path(sys.argv[5])
        for name, body in files.items():
            target = glass / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
        git = ["git", "-C", str(glass), "-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--gpg-sign", "--message", "Package"], check=True)


if __name__ == "__main__":
    main()
