"""Runs a project with dbt and with tidemill in copies of its folder and compares what both made of it."""
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
MANIFEST_KINDS = ("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions")
COMPARED_CONFIG = ("enabled", "materialized", "schema", "database", "alias", "meta", "unique_key", "severity",
                   "where", "limit", "fail_calc", "warn_if", "error_if", "incremental_strategy", "on_schema_change",
                   "full_refresh", "strategy", "updated_at", "check_cols", "group", "access", "contract", "grants",
                   "persist_docs", "pre-hook", "post-hook", "location", "format", "options")


class Tool:
    """dbt or tidemill: how it is called, and the copies of the project in which it ran."""

    def __init__(self, name, program, work):
        self.name, self.program, self.work = name, program, work
        self.folders, self.walls = [], []

    def run(self, job, number):
        folder = os.path.join(self.work, f"{self.name}{number}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(job.folder, folder, symlinks=True)
        project = os.path.join(folder, job.project)
        self.folders.append(project)
        wall = 0.0
        for index, command in enumerate(job.commands):
            target = os.path.join(project, "target")
            results = os.path.join(target, "run_results.json")
            if os.path.exists(results):
                os.remove(results)
            words = [self.program, *shlex.split(command), "--target-path", "target", *job.arguments]
            log = os.path.join(self.work, f"{self.name}{number}.{index}.log")
            with open(log, "wb") as output:
                started = time.monotonic()
                code = subprocess.run(words, cwd=project, env={**os.environ, **QUIET, **job.environment},
                                      stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
                wall += time.monotonic() - started
            if code > 1:
                print(f"{self.name}: `{command}` ended with status {code}, see {log}", file=sys.stderr)
            if os.path.exists(results):
                shutil.copy(results, os.path.join(target, f"results.{index}.json"))
        self.walls.append(wall)
        with open(os.path.join(self.work, f"{self.name}{number}.wall"), "w", encoding="utf-8") as file:
            file.write(repr(wall))

    def reuse(self, job, number):
        """Takes an earlier run as it is; false if there is none."""
        path = os.path.join(self.work, f"{self.name}{number}.wall")
        if not os.path.exists(path):
            return False
        with open(path, encoding="utf-8") as file:
            self.walls.append(float(file.read()))
        self.folders.append(os.path.join(self.work, f"{self.name}{number}", job.project))
        return True

    def results(self, index):
        path = os.path.join(self.folders[0], "target", f"results.{index}.json")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as file:
            return {result["unique_id"]: result for result in json.load(file)["results"]}

    def manifest(self):
        path = os.path.join(self.folders[0], "target", "manifest.json")
        if not os.path.exists(path):
            return {"nodes": {}}
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def wall(self):
        return statistics.median(self.walls)


class Job:
    """What to run."""

    def __init__(self, folder, project, commands, arguments, environment, databases, ignored):
        self.folder, self.project, self.commands = os.path.abspath(folder), project, commands
        self.arguments, self.environment = arguments, environment
        self.databases, self.ignored = databases, ignored


class Report:
    """Differences by node, and others."""

    def __init__(self):
        self.nodes, self.others, self.unstable = {}, [], []
        self.total = self.relations = 0

    def node(self, unique_id, text):
        self.nodes.setdefault(unique_id, []).append(text)


def python_of(dbt):
    """The Python that runs dbt: it has the duckdb package."""
    beside = os.path.join(os.path.dirname(os.path.realpath(dbt)), "python")
    if os.path.exists(beside):
        return beside
    with open(dbt, encoding="utf-8") as file:
        return file.readline()[2:].split()[0]


def databases_in(folder, named):
    if named:
        return [path for path in named if os.path.exists(os.path.join(folder, path))]
    found = []
    for base, _, files in os.walk(folder):
        if "dbt_packages" in base:
            continue
        found += [os.path.relpath(os.path.join(base, f), folder) for f in files if f.endswith((".duckdb", ".db"))]
    return sorted(found)


def relations(python, folder, job, left_out):
    files = databases_in(folder, job.databases)
    if not files:
        return {}
    done = subprocess.run([python, os.path.join(HERE, "read_database.py"), *files, "--leave-out", json.dumps(left_out)],
                          cwd=folder, capture_output=True, text=True, env={**os.environ, **job.environment})
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return {}
    return json.loads(done.stdout)


def unstable_columns(runs, job):
    """Columns in which runs of dbt differ among themselves (`now()`, `uuid()`, `random()`, ties), or that are named."""
    found = {}
    for key, facts in runs[0].items():
        names = [name for name, _ in facts["columns"]]
        columns = {name for name in names if name in job.ignored or f"{key}.{name}" in job.ignored}
        for again in runs[1:]:
            sums = again.get(key, facts)["sums"]
            columns |= {name for name, value in facts["sums"].items() if sums.get(name) != value}
        if columns:
            found[key] = sorted(columns)
    return found


def compare_relation(dbt, ours, left_out, unstable_rows, say):
    if ours is None:
        return say(f"there is no such relation ({dbt['kind']} in dbt)")
    if dbt["kind"] != ours["kind"]:
        say(f"{dbt['kind']} / {ours['kind']}")
    if dbt["columns"] != ours["columns"]:
        theirs, own = [tuple(c) for c in dbt["columns"]], [tuple(c) for c in ours["columns"]]
        say(f"columns {[c for c in theirs if c not in own] or theirs} / {[c for c in own if c not in theirs] or own}")
    if dbt["error"] or ours["error"]:
        if dbt["error"] != ours["error"]:
            say(f"cannot be read: {dbt['error']} / {ours['error']}")
        return None
    if dbt["rows"] != ours["rows"]:
        if not unstable_rows:
            say(f"{dbt['rows']} / {ours['rows']} rows")
        return None
    names = [c for c in dbt["sums"] if c not in left_out and dbt["sums"][c] != ours["sums"].get(c)]
    if names:
        say(f"contents of {', '.join(names)} ({dbt['rows']} rows)")
    elif dbt["row_sum"] != ours["row_sum"] and not unstable_rows:
        say(f"combination of columns differs ({dbt['rows']} rows)")
    return None


def compare_databases(report, dbt, ours, job, python, owners):
    left_out = unstable_columns([relations(python, folder, job, {}) for folder in dbt.folders], job)
    runs = [relations(python, folder, job, left_out) for folder in dbt.folders]
    first, mine = runs[0], relations(python, ours.folders[0], job, left_out)
    for key in sorted(first):
        others = [again.get(key, first[key]) for again in runs[1:]]
        unstable = any(first[key][part] != again[part] for again in others for part in ("rows", "row_sum"))
        if unstable or key in left_out:
            report.unstable.append(f"{key}: {', '.join(left_out.get(key, [])) or 'rows'}")
        owner = owners.get(key)
        say = (lambda text, o=owner: report.node(o, text)) if owner else (
            lambda text, k=key: report.others.append(f"relation {k}: {text}"))
        compare_relation(first[key], mine.get(key), left_out.get(key, []), unstable, say)
    for key in sorted(mine.keys() - first.keys()):
        report.others.append(f"relation {key}: only tidemill made it")
    return len(first)


def compare_results(report, dbt, ours, job):
    everything = set()
    for index, command in enumerate(job.commands):
        theirs, own = dbt.results(index), ours.results(index)
        everything |= theirs.keys()
        for unique_id in sorted(theirs.keys() | own.keys()):
            left, right = theirs.get(unique_id), own.get(unique_id)
            if left is None:
                report.others.append(f"{unique_id}: `{command}` of dbt has no result, ours is {right['status']}")
            elif right is None:
                report.node(unique_id, f"`{command}`: {left['status']} / no result")
            elif left["status"] != right["status"]:
                why = " ".join((right.get("message") or left.get("message") or "").split())
                report.node(unique_id, f"`{command}`: {left['status']} / {right['status']}: {why[:300]}")
            elif left["failures"] != right["failures"]:
                report.node(unique_id, f"`{command}`: {left['failures']} / {right['failures']} failures")
    return everything


def compare_config(report, unique_id, left, right):
    for key in COMPARED_CONFIG:
        theirs, own = left.get(key), right.get(key)
        if (theirs or None) != (own or None):
            report.node(unique_id, f"config {key}: {theirs!r} / {own!r}")


def compare_manifests(report, left, right):
    for kind in MANIFEST_KINDS:
        theirs, own = left.get(kind, {}), right.get(kind, {})
        for unique_id in sorted(theirs.keys() | own.keys()):
            if unique_id not in own:
                report.node(unique_id, "not in our manifest")
            elif unique_id not in theirs:
                report.others.append(f"{unique_id}: only in our manifest")
            else:
                compare_node(report, unique_id, theirs[unique_id], own[unique_id])


def compare_node(report, unique_id, left, right):
    if sorted(left.get("tags") or []) != sorted(right.get("tags") or []):
        report.node(unique_id, f"tags: {left.get('tags')} / {right.get('tags')}")
    for field in ("relation_name", "fqn", "name", "alias", "schema", "database", "description", "version"):
        if left.get(field) != right.get(field):
            report.node(unique_id, f"{field}: {left.get(field)!r} / {right.get(field)!r}")
    theirs = sorted(set((left.get("depends_on") or {}).get("nodes") or []))
    own = sorted(set((right.get("depends_on") or {}).get("nodes") or []))
    if theirs != own:
        missing, extra = sorted(set(theirs) - set(own)), sorted(set(own) - set(theirs))
        report.node(unique_id, f"depends_on: missing {missing}, extra {extra}")
    if left.get("resource_type") != "operation":  # hooks of runs: their config says nothing
        compare_config(report, unique_id, left.get("config") or {}, right.get("config") or {})


def owners_of(manifest):
    found = {}
    for unique_id, node in manifest["nodes"].items():
        if node.get("relation_name") and node["resource_type"] in ("model", "seed", "snapshot"):
            found[f"{node['database']}.{node['schema']}.{node['alias']}".lower()] = unique_id
    return found


def compare(job, dbt_program, tidemill_program, work, times, reuse_dbt=False):
    """Runs both and returns (report, dbt, tidemill)."""
    os.makedirs(work, exist_ok=True)
    dbt, ours = Tool("dbt", dbt_program, work), Tool("tidemill", tidemill_program, work)
    for number in range(times):
        if not (reuse_dbt and dbt.reuse(job, number)):
            dbt.run(job, number)
        ours.run(job, number)
    report = Report()
    manifest = dbt.manifest()
    nodes = compare_results(report, dbt, ours, job)
    compare_manifests(report, manifest, ours.manifest())
    report.relations = compare_databases(report, dbt, ours, job, python_of(dbt_program), owners_of(manifest))
    report.total = len(nodes.union(*(manifest.get(kind, {}).keys() for kind in MANIFEST_KINDS)))
    return report, dbt, ours


def print_report(name, commit, report, dbt, ours, file=sys.stdout):
    """One line of the manual's table, and what differs."""
    agree = report.total - len(report.nodes)
    print(f"| {name} | {commit} | {report.total} | {agree} | {report.relations} | {dbt.wall():.2f} s "
          f"| {ours.wall():.2f} s |", file=file)
    for unique_id in sorted(report.nodes):
        for text in report.nodes[unique_id]:
            print(f"    {unique_id}: {text}", file=file)
    for text in report.others:
        print(f"    other: {text}", file=file)
    for text in report.unstable:
        print(f"    left out (two runs of dbt differ, or named): {text}", file=file)
