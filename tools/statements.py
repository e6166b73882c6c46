"""Writes the statements that the tests of the store have sent into crates/store/tests/postgres/statements.

`make statements` records them. The file has the version of the tables for which they were written, and a test holds it
against every later version.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
STORE = ROOT / "crates" / "store"
END = "\n-- end\n"
# The tables of the connection itself, and statements that read or change rows. Migrations are others.
WANTED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|CREATE TEMPORARY)\b", re.IGNORECASE)
TABLES = re.compile(r"\b(api|pg_temp)\.|CREATE TEMPORARY")
# The history of the migrations belongs to the tool that applies them.
NOT_OURS = re.compile(r"api\.schema_history")


def newest_version() -> int:
    names = (path.name for path in (STORE / "migrations").glob("V*__*.sql"))
    return max(int(name[1 : name.index("__")]) for name in names)


def main() -> None:
    recorded = pathlib.Path(sys.argv[1])
    statements = set()
    for file in recorded.glob("*.sql"):
        statements.update(file.read_text().split(END)[:-1])
    kept = sorted(
        statement
        for statement in statements
        if WANTED.match(statement) and TABLES.search(statement) and not NOT_OURS.search(statement)
    )
    if not kept:
        raise SystemExit(f"no statements in {recorded}")
    # A load makes its tables first.
    kept.sort(key=lambda statement: "CREATE TEMPORARY" not in statement)
    target = STORE / "tests" / "postgres" / "statements" / f"V{newest_version()}.sql"
    target.parent.mkdir(exist_ok=True)
    target.write_text("".join(statement + END for statement in kept))
    print(f"{target.relative_to(ROOT)}: {len(kept)} statements")


if __name__ == "__main__":
    main()
