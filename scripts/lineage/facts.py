"""What `tidemill check` and `tidemill lineage` say about a project, as Python data."""
import json
import os
import subprocess


class Failed(Exception):
    """The program could not be run on the project."""


def asked(program, folder, *words, statuses=(0,)):
    """Standard output of the program, run in a project's folder."""
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in statuses:
        raise Failed(f"tidemill {' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Facts:
    """Columns and lineage of all nodes of a project, by unique id."""

    def __init__(self, program, folder, arguments=()):
        # A fault in one model leaves the others known.
        check = asked(program, folder, "check", "--output", "json", *arguments, statuses=(0, 1))
        self.shapes = last_json(check)["nodes"]
        self.lineage = last_json(asked(program, folder, "lineage", "--output", "json", *arguments))["nodes"]


def last_json(text):
    """The last line is the answer; templates may have logged before it."""
    return json.loads(text.strip().splitlines()[-1])
