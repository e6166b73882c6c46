"""Builds and checks what a release consists of: the static `mds`, and the functions as zips.

    release.py build --target x86_64-unknown-linux-musl --name mds-x86_64-linux --out dist
    release.py check dist/mds-x86_64-linux/mds
    release.py zip --target x86_64-unknown-linux-gnu --arch x86_64 --out dist plan-blocks extract sync-db sync-socrata
    release.py rustflags

`build` writes a folder with the stripped binary, an archive of it, its debug symbols and its bill of materials in files of their
own, and their checksums. `check` proves that the binary needs no file of the machine: it has no loader, and runs in a root folder
in which it is alone. `zip` packs the functions that `make lambda` has built, each with its bill of materials.

Two builds of one commit with the same tools give the same files, wherever they are made. `rustflags` prints what rustc needs for
that: no program names a folder of the machine.
"""

import argparse
import gzip
import hashlib
import io
import os
import pathlib
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import sbom

PROFILE = "dist"
PAPERS = ["LICENSE", "README.md", "CHANGELOG.md"]
PT_INTERP = 3
# Of a zip's entry: the system whose permissions it has.
UNIX = 3


def run(command, **options):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, check=True, **options)


def text_of(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def commit_time():
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or text_of(["git", "log", "-1", "--format=%ct"])
    return int(epoch)


def target_folder():
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))


def remapped():
    """Flags that replace the folders of the machine, of which messages of panics and debug lines would speak."""
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    folders = {home.absolute(): "/cargo", pathlib.Path.cwd(): "/source", target_folder().absolute(): "/source/target"}
    return [f"--remap-path-prefix={folder}={name}" for folder, name in folders.items()]


def rustflags(_):
    print(" ".join(remapped()))


def build(args):
    flags = " ".join([os.environ.get("RUSTFLAGS", ""), args.rustflags, *remapped()]).strip()
    run(["cargo", "zigbuild", "--locked", "--profile", PROFILE, "--target", args.target, "--package", "mds-cli"],
        env={**os.environ, "RUSTFLAGS": flags})
    pack(target_folder() / args.target / PROFILE / "mds", pathlib.Path(args.out), args.name, args.target)


def pack(built, out, name, target):
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
    materials = out / f"{name}.cdx.json"
    # Before it was stripped, the program named the source of each crate that has code in it.
    write_materials(materials, sbom.bill("mds-cli", target, name="mds", shipped=binary), built)
    write_sums(out / f"{name}.sha256", [archive, symbols, materials])
    for file in (built, binary, archive, symbols):
        print(f"{file.stat().st_size / 1e6:8.1f} MB  {file}")


def write_materials(path, document, program):
    if lacking := sbom.missing(document, program.read_bytes()):
        sys.exit(f"{program} is made of crates that its bill of materials lacks: {', '.join(lacking)}")
    sbom.write(document, path)


def write_sums(path, files):
    path.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files))


def pack_functions(args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name in args.functions:
        program = pathlib.Path("target/lambda", name, "bootstrap")
        packed, materials = out / f"{name}-{args.arch}.zip", out / f"{name}-{args.arch}.cdx.json"
        write_zip(packed, program, commit_time())
        others = [other for other in args.functions if other != name]
        write_materials(materials, sbom.bill(name, args.target, others, shipped=program), program)
        files += [packed, materials]
    write_sums(out / f"functions-{args.arch}.sha256", files)
    for file in files[::2]:
        print(f"{file.stat().st_size / 1e6:8.2f} MB  {file}")


def write_zip(path, program, seconds):
    """A zip of one program, as Lambda takes it. Zips know no time before 1980."""
    entry = zipfile.ZipInfo("bootstrap", max(time.gmtime(seconds)[:6], (1980, 1, 1, 0, 0, 0)))
    entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, UNIX
    entry.external_attr = (stat.S_IFREG | 0o755) << 16
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(entry, program.read_bytes(), compresslevel=9)


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
    zipping = commands.add_parser("zip")
    zipping.add_argument("--target", required=True)
    zipping.add_argument("--arch", required=True)
    zipping.add_argument("--out", default="dist")
    zipping.add_argument("functions", nargs="+")
    zipping.set_defaults(run=pack_functions)
    commands.add_parser("rustflags").set_defaults(run=rustflags)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
