"""Describe the relations of DuckDB files as JSON on standard output.

Run with the Python that has the `duckdb` package (dbt's own), in the folder the project was built in, because views
may name files by relative paths:

    read_database.py FILE.duckdb ... [--leave-out JSON]

For each relation: kind, columns and types, row count, a checksum of each column and one of the rows. Checksums do not
depend on the order of rows. Floating-point numbers count to nine significant digits, since a sum over several threads
differs in the last ones. `--leave-out` is a map of relation names to columns that are left out of the rows' checksum.
"""
import argparse
import json
import os
import sys

import duckdb

OURS = ("tidemill", "information_schema")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def as_text(column, kind):
    """An expression for the column's value as text; never null."""
    name = quoted(column)
    if kind in ("FLOAT", "DOUBLE"):
        name = f"case when isfinite({name}) then format('{{:.8e}}', {name} + 0) else cast({name} as varchar) end"
    return f"coalesce('=' || cast({name} as varchar), 'null')"


def checksum(expression):
    return f"cast(coalesce(sum(cast(hash({expression}) as hugeint)), 0) as varchar)"


def describe(con, name, kind, columns, left_out):
    facts = {"kind": kind, "columns": columns, "rows": None, "sums": {}, "row_sum": None, "error": None}
    texts = {column: as_text(column, type_) for column, type_ in columns}
    kept = [text for column, text in texts.items() if column not in left_out] or ["''"]
    sums = [checksum(text) for text in texts.values()]
    sums.append(checksum(f"concat_ws(chr(31), {', '.join(kept)})"))
    try:
        row = con.execute(f"select count(*), {', '.join(sums)} from {name}").fetchone()
    except duckdb.Error as error:
        facts["error"] = str(error).splitlines()[0]
        return facts
    facts["rows"] = row[0]
    facts["sums"] = dict(zip(texts, row[1:-1]))
    facts["row_sum"] = row[-1]
    return facts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--leave-out", default="{}")
    args = parser.parse_args()
    left_out = json.loads(args.leave_out)

    con = duckdb.connect()
    names = []
    for path in args.files:
        name = os.path.splitext(os.path.basename(path))[0]
        literal = "'" + path.replace("'", "''") + "'"
        con.execute(f"attach {literal} as {quoted(name)} (read_only)")
        names.append(name)
    con.execute(f"use {quoted(names[0])}")

    relations = con.execute(
        """
        select database_name, schema_name, table_name, 'table' from duckdb_tables() where not internal
        union all
        select database_name, schema_name, view_name, 'view' from duckdb_views() where not internal
        """
    ).fetchall()
    found = {}
    for database, schema, relation, kind in relations:
        if database not in names or schema in OURS:
            continue
        columns = con.execute(
            """
            select column_name, data_type from duckdb_columns()
            where database_name = ? and schema_name = ? and table_name = ? order by column_index
            """,
            [database, schema, relation],
        ).fetchall()
        key = f"{database}.{schema}.{relation}".lower()
        full = ".".join(quoted(part) for part in (database, schema, relation))
        found[key] = describe(con, full, kind, columns, left_out.get(key, []))
    json.dump(found, sys.stdout)


main()
