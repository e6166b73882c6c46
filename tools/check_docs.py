"""Checks that the documents still fit the repository.

- every relative link leads to a file, and its anchor to a heading
- every repository path in backticks exists; a file name alone (`plan.rs`) exists somewhere
- every type, function and constant that docs/GLOSSARY.md names in its column "in code" is in the sources
- every reference to docs/CONTRACT.md in the sources names a section of it
- lines of text are at most 130 columns wide

Prints what is wrong, and ends with 1 if anything is.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 130
# A name alone is taken for a file of the repository if it ends so. Other endings are those of objects in the bucket, too.
ENDINGS = (".rs", ".py", ".sql", ".toml", ".yaml", ".yml", ".sh", ".asl.json")
# Named by people of files that they make themselves, or that tools make.
NOT_OURS = {"Cargo.toml", "name.rs"}


def tracked():
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def without_fences(text):
    """The text with the lines of code blocks emptied, so that line numbers stay."""
    lines, is_code = [], False
    for line in text.splitlines():
        is_fence = line.lstrip().startswith("```")
        lines.append("" if is_code or is_fence else line)
        is_code ^= is_fence
    return lines


def anchor(title):
    title = re.sub(r"[`*]", "", title.strip().lower())
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def headings(path):
    lines = without_fences(path.read_text())
    return [line.lstrip("#").strip() for line in lines if line.startswith("#")]


def check_links(name, lines, problems):
    folder = (ROOT / name).parent
    for number, line in enumerate(lines, 1):
        # Text in backticks is an example, not a link.
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, fragment = target.partition("#")
            file = (folder / path).resolve() if path else ROOT / name
            if not file.exists():
                problems.append(f"{name}:{number}: the link {target} leads nowhere")
            elif fragment and fragment not in [anchor(title) for title in headings(file)]:
                problems.append(f"{name}:{number}: {target}: no such heading")


def check_paths(name, lines, files, problems):
    folders = {str(parent) for file in files for parent in pathlib.PurePath(file).parents}
    top = {folder for folder in folders if "/" not in folder and folder != "."}
    for number, line in enumerate(lines, 1):
        for code in re.findall(r"`([^`\s]+)`", line):
            path = code.rstrip("/").removeprefix("../")
            if not re.fullmatch(r"[\w.*<>{}/-]+", path) or path in NOT_OURS:
                continue
            pattern = re.sub(r"<[^>]*>|\{[^}]*\}", "*", path)
            is_path = "/" in path and path.split("/")[0] in top and not path.startswith("target/")
            is_name = "/" not in path and path.endswith(ENDINGS) and path != "*.rs"
            is_tail = "/" in path and path.endswith(ENDINGS) and not is_path
            if is_path and not any(fnmatch.fnmatch(it, pattern) for it in [*files, *folders]):
                problems.append(f"{name}:{number}: there is no {path}")
            if (is_name or is_tail) and not any(fnmatch.fnmatch("/" + it, "*/" + pattern) for it in files):
                problems.append(f"{name}:{number}: no file is called {path}")


def check_glossary(sources, problems):
    words = set(re.findall(r"\w+", "\n".join(sources.values())))
    for number, line in enumerate((ROOT / "docs/GLOSSARY.md").read_text().splitlines(), 1):
        cells = line.split("|")
        if len(cells) != 5:
            continue
        for code in re.findall(r"`([^`]+)`", cells[3]):
            for word in re.findall(r"\w+", code):
                if word not in words:
                    problems.append(f"docs/GLOSSARY.md:{number}: `{code}` is not in the sources")


def check_references(sources, problems):
    titles = headings(ROOT / "docs/CONTRACT.md")
    for name, text in sources.items():
        # Comments are wrapped; a reference may go on in the next line.
        text = re.sub(r"\n\s*(///|//!|//|--|#)?[ \t]*", " ", text)
        # In the text of a program a quote may follow a backslash.
        text = text.replace('\\"', '"')
        for unquoted in re.findall(r"docs/CONTRACT\.md, ([A-Z][^).;]*)", text):
            problems.append(f"{name}: write docs/CONTRACT.md, \"Section\" instead of {unquoted}")
        for rest in re.findall(r"docs/CONTRACT\.md,((?:,? (?:and )?\"[^\"{}]+\")+)", text):
            for title in re.findall(r"\"([^\"]+)\"", rest):
                if title not in titles:
                    problems.append(f"{name}: docs/CONTRACT.md has no section \"{title}\"")


def check_width(name, lines, problems):
    for number, line in enumerate(lines, 1):
        is_free = line.startswith("|") or "](" in line
        if len(line) > WIDTH and not is_free:
            problems.append(f"{name}:{number}: {len(line)} columns, at most {WIDTH}")


def main():
    files = tracked()
    pages = [name for name in files if name.endswith(".md")]
    sources = {
        name: (ROOT / name).read_text(errors="replace")
        for name in files
        if name.endswith((".rs", ".sql", ".py", ".toml", ".yaml", ".sh")) and name != "tools/check_docs.py"
    }
    problems = []
    for name in pages:
        lines = without_fences((ROOT / name).read_text())
        check_links(name, lines, problems)
        check_paths(name, lines, files, problems)
        check_width(name, lines, problems)
    check_glossary(sources, problems)
    check_references(sources, problems)
    print("\n".join(problems) or f"{len(pages)} documents fit the repository")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
