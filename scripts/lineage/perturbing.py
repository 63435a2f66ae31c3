"""Changes one column of a table after the other, and looks which columns of a query change with it."""
import collections
import decimal

QUOTE = '"'


def quoted(name):
    """A name as SQL."""
    return QUOTE + name.replace(QUOTE, QUOTE * 2) + QUOTE


def value(it):
    """A value that can be counted; sums of floats differ in their last digits with the order of rows."""
    if isinstance(it, float):
        return f"{it:.9g}"
    if isinstance(it, decimal.Decimal):
        return str(it.normalize())
    if isinstance(it, (list, dict, tuple)):
        return repr(it)
    return it


def columns_of(connection, query):
    """The values of each column of a query, without regard to the order of rows."""
    rows = connection.execute(query).fetchall()
    return [collections.Counter(value(row[n]) for row in rows) for n in range(len(connection.description))], len(rows)


class Tables:
    """Tables of a database that queries read, with a copy of each as it was."""

    def __init__(self, connection):
        self.connection, self.columns, self.copies = connection, {}, {}
        connection.execute("create schema if not exists perturbing")

    def add(self, name):
        """A table, by its name in SQL."""
        if name in self.columns:
            return
        copy = f"perturbing.copy{len(self.copies)}"
        self.connection.execute(f"create or replace table {copy} as select *, row_number() over () - 1 as row_of_copy from {name}")
        self.copies[name] = copy
        names = [it[0] for it in self.connection.execute(f"describe {name}").fetchall()]
        self.columns[name] = names

    def change(self, name, column, salt):
        """Gives a third of the rows the value of another row, so that it still fits to something."""
        copy = self.copies[name]
        (rows,) = self.connection.execute(f"select count(*) from {copy}").fetchone()
        items = [f"new.{quoted(it)}" if it == column else f"old.{quoted(it)}" for it in self.columns[name]]
        other = f"(old.row_of_copy * 7 + {salt * 5 + 4}) % {max(rows, 1)}"
        self.connection.execute(
            f"create or replace table {name} as select {', '.join(items)} from {copy} as old join {copy} as new"
            f" on new.row_of_copy = if((old.row_of_copy + {salt}) % 3 = 0, {other}, old.row_of_copy)"
            " order by old.row_of_copy")

    def restore(self, name):
        """The table as it was."""
        self.connection.execute(
            f"create or replace table {name} as select * exclude (row_of_copy) from {self.copies[name]} order by row_of_copy")


class Outcome:
    """What was seen of one query."""

    def __init__(self):
        self.rows, self.seen, self.faults, self.unsure = 0, 0, [], set()
        self.changes = collections.defaultdict(set)


def perturb(connection, tables, query, readable, edges, salts=(0, 1)):
    """Looks for columns of `query` that change with a column that they have no edge to.

    `readable` names the tables that it may read, in SQL; `edges(n, table, column)` says whether the column number n of
    the query has one.
    """
    outcome = Outcome()
    before, outcome.rows = columns_of(connection, query)
    if not outcome.rows:
        return outcome
    # The same tables once more: what changes now changes by itself.
    for name in readable:
        tables.restore(name)
    again, _ = columns_of(connection, query)
    outcome.unsure = {n for n, it in enumerate(before) if it != again[n]}
    text = query.lower()
    for name in readable:
        for column in tables.columns[name]:
            # A name that is not there, in a query that lists its columns, cannot matter.
            if column.lower() not in text and "*" not in text.replace("count(*)", ""):
                continue
            for salt in salts:
                tables.change(name, column, salt)
                try:
                    after, _ = columns_of(connection, query)
                except Exception:  # the changed value does not fit a cast or a function: no other column can be seen
                    continue
                for n, it in enumerate(before):
                    if n in outcome.unsure or it == after[n]:
                        continue
                    outcome.seen += 1
                    outcome.changes[n].add((name, column))
                    if not edges(n, name, column) and (n, name, column) not in outcome.faults:
                        outcome.faults.append((n, name, column))
            tables.restore(name)
    return outcome
