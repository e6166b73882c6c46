"""Builds and checks the static `mds` of a release.

    release.py build --target x86_64-unknown-linux-musl --name mds-x86_64-linux --out dist
    release.py check dist/mds-x86_64-linux/mds

`build` writes a folder with the stripped binary, an archive of it, its debug symbols in a file of their own, and
SHA256SUMS. Two builds of one commit with the same tools give the same files. `check` proves that the binary needs no file of
the machine: it has no loader, and runs in a root folder in which it is alone.
"""

import argparse
import gzip
import hashlib
import io
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

PROFILE = "dist"
PAPERS = ["LICENSE", "README.md", "CHANGELOG.md"]
PT_INTERP = 3


def run(command, **options):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, check=True, **options)


def text_of(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def commit_time():
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or text_of(["git", "log", "-1", "--format=%ct"])
    return int(epoch)


def build(args):
    flags = f"{os.environ.get('RUSTFLAGS', '')} {args.rustflags}".strip()
    # The folder of the sources is not part of what is built.
    flags = f"{flags} --remap-path-prefix={os.getcwd()}=/source".strip()
    run(["cargo", "zigbuild", "--locked", "--profile", PROFILE, "--target", args.target, "--package", "mds-cli"],
        env={**os.environ, "RUSTFLAGS": flags})
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    pack(target / args.target / PROFILE / "mds", pathlib.Path(args.out), args.name)


def pack(built, out, name):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    binary, symbols = folder / "mds", out / f"{name}.debug"
    objcopy = os.environ.get("OBJCOPY", "objcopy")
    shutil.copy(built, binary)
    run([objcopy, "--only-keep-debug", "--compress-debug-sections", built, symbols])
    run([objcopy, "--strip-all", f"--add-gnu-debuglink={symbols}", binary])
    binary.chmod(0o755)
    archive = out / f"{name}.tar.gz"
    write_archive(archive, [binary, *map(pathlib.Path, PAPERS)], commit_time())
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in (archive, symbols)]
    (out / f"{name}.sha256").write_text("".join(sums))
    for file in (built, binary, archive, symbols):
        print(f"{file.stat().st_size / 1e6:8.1f} MB  {file}")


def write_archive(path, files, time):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mtime = file.stat().st_size, time
            entry.mode = 0o755 if os.access(file, os.X_OK) else 0o644
            with file.open("rb") as data:
                archive.addfile(entry, data)
    with path.open("wb") as data, gzip.GzipFile(filename="", fileobj=data, mode="wb", mtime=time) as packed:
        packed.write(content.getvalue())


def has_loader(binary):
    """Whether the kernel would start a dynamic loader for this 64-bit ELF file."""
    data = binary.read_bytes()
    if data[:5] != b"\x7fELF\x02":
        sys.exit(f"{binary} is no 64-bit program of Linux")
    start, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = [struct.unpack_from("<I", data, start + place * size)[0] for place in range(count)]
    return PT_INTERP in kinds


def check(args):
    binary = pathlib.Path(args.binary)
    if has_loader(binary):
        sys.exit(f"{binary} is not static: it names a dynamic loader")
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(binary, pathlib.Path(root, "mds"))
        # No network either: what is checked is what the binary carries.
        alone = ["unshare", "--map-root-user", "--net", "chroot", root, "/mds"]
        expect(alone + ["--version"], 0, "mds ")
        expect(alone + ["run", "--help"], 0, "Examples:")
        expect(alone + ["config", "check"], 2, "ATD_MDS_BUCKET")
        expect(alone + ["--docker-mode", "status"], 2, "install Docker")
    print(f"{binary}: static, and runs alone in a root folder")


def expect(command, status, part):
    # For `unshare` and `chroot`; inside, none of these folders exists.
    path = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(command, env=path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    if ended.returncode != status or part not in ended.stdout:
        sys.exit(f"{' '.join(command)}: status {ended.returncode}, expected {status} and '{part}':\n{ended.stdout}")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    building = commands.add_parser("build")
    building.add_argument("--target", required=True)
    building.add_argument("--rustflags", default="")
    building.add_argument("--name", required=True)
    building.add_argument("--out", default="dist")
    building.set_defaults(run=build)
    checking = commands.add_parser("check")
    checking.add_argument("binary")
    checking.set_defaults(run=check)
    args = parser.parse_args()
    args.run(args)


main()
