#!/usr/bin/env python3
"""Breaks the code on purpose, one place at a time, and shows that the test named for it fails.

    scripts/breakages.py                 all of scripts/breakages.json
    scripts/breakages.py NAME...         some of them
    scripts/breakages.py --run COMMAND   another way to run a test; {tree}, {module} and {test} are filled in

Works on a copy of the last commit; takes one to three minutes for each. Ends with 1 if a breakage goes unnoticed.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAVEN = "mvn -q -o -f {tree}/pom.xml -pl {module} -am test -Dtest={test} -Dsurefire.failIfNoSpecifiedTests=false"
FAILED = re.compile(r"Tests run:.*(?:Failures|Errors): [1-9]|\[ +[1-9]\d* tests failed")


def main():
    parser = argparse.ArgumentParser(description="Breaks the code on purpose and shows which test notices.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--run", default=MAVEN)
    options = parser.parse_args()
    breakages = json.loads((ROOT / "scripts" / "breakages.json").read_text())
    unknown = set(options.names) - {b["name"] for b in breakages}
    if unknown:
        sys.exit("no breakage is named " + ", ".join(sorted(unknown)))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="breakages-"))
    tree = folder / "broken"
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "-q", "--detach", tree, "HEAD"], check=True)
    unnoticed = []
    try:
        for b in breakages:
            if options.names and b["name"] not in options.names:
                continue
            file = tree / b["file"]
            whole = file.read_text()
            if whole.count(b["find"]) != 1:
                sys.exit(b["name"] + ": its place stands " + str(whole.count(b["find"])) + " times in " + b["file"])
            file.write_text(whole.replace(b["find"], b["put"]))
            command = options.run.format(tree=tree, module=b["module"], test=b["test"])
            done = subprocess.run(command, shell=True, capture_output=True, text=True)
            noticed = FAILED.search(done.stdout + done.stderr)
            print(("noticed  " if noticed else "UNNOTICED"), b["name"], "by" if noticed else "not by", b["test"], flush=True)
            if not noticed:
                unnoticed.append(b["name"])
                print((done.stdout + done.stderr)[-2000:])
            file.write_text(whole)
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
