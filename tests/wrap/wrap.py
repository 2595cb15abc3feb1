#!/usr/bin/env python3
"""Wraps a payload with the real tools in every format that they make, alone and three levels deep in random order, and
notes what `candor scan` and `clamscan` find with a database of only the payload's hash.

    tests/wrap/wrap.py [--candor PROGRAM] [--seed N] [--nests N] [--only NAME,...] [--keep FOLDER] [--write]

The tools come from Debian (`tests/wrap/install.sh`); a wrapper whose tool is missing is left out and named.
`--write` writes `tests/wrap/table.tsv`, the committed table; without it what was found is compared with the table, and
the program ends with status 1 where something that the table has as found is found no longer."""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import archives
import disks
import documents
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "table.tsv")
WRAPPERS = {**archives.WRAPPERS, **disks.WRAPPERS, **documents.WRAPPERS, **texts.WRAPPERS}
# A program of nothing: the header of a DOS program and bytes that no compression makes smaller or larger.
PAYLOAD = b"MZ" + hashlib.shake_256(b"candor wrap").digest(542)
DEEP = 3
LARGEST = 24 << 20


class Missing(Exception):
    """A tool is not installed."""


def wrap(name, source, folder):
    """Wraps a file with one wrapper; the path of what came out."""
    needs, make = WRAPPERS[name]
    for tool in needs:
        if shutil.which(tool) is None:
            raise Missing(tool)
    work = tempfile.mkdtemp(dir=folder)
    out = make(source, work)
    if not os.path.getsize(out):
        raise RuntimeError(f"{name} made an empty file")
    return out


def found_by_candor(program, database, passwords, path):
    """Whether candor finds the payload: yes, gap (it says that it could not examine all), or no."""
    done = subprocess.run([program, "scan", "--no-clamav", "--signatures", database, "--password-file", passwords,
                           "--format", "json", path],
                          capture_output=True, timeout=300)
    if b"Wrapped.Payload" in done.stdout:
        return "yes"
    return {0: "no", 3: "gap"}.get(done.returncode, f"status {done.returncode}")


def found_by_clamscan(database, path):
    """Whether clamscan finds the payload."""
    if shutil.which("clamscan") is None:
        return "-"
    done = subprocess.run(["clamscan", "--no-summary", "-d", database, path], capture_output=True, timeout=300)
    return "yes" if b"Wrapped.Payload" in done.stdout else "no"


def chains(names, count, seed):
    """Chains of three wrappers in random order; the disk images are not put into each other, as they are large."""
    chooser = random.Random(seed)
    for _ in range(count):
        chain = []
        while len(chain) < DEEP:
            name = chooser.choice(names)
            if name in disks.WRAPPERS and any(other in disks.WRAPPERS for other in chain):
                continue
            chain.append(name)
        yield chain


def read_table():
    if not os.path.exists(TABLE):
        return {}
    with open(TABLE, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return {row[0]: row[1:] for row in rows}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--candor", default=os.path.join(HERE, "../../target/release/candor"))
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--nests", type=int, default=100)
    options.add_argument("--only")
    options.add_argument("--keep")
    options.add_argument("--write", action="store_true")
    options = options.parse_args()
    folder = options.keep or tempfile.mkdtemp(prefix="wrap")
    os.makedirs(folder, exist_ok=True)
    database = os.path.join(folder, "payload.hdb")
    payload = os.path.join(folder, "payload.exe")
    passwords = os.path.join(folder, "passwords.txt")
    with open(passwords, "w", encoding="ascii") as file:
        file.write("wrong\ninfected\n")
    with open(payload, "wb") as file:
        file.write(PAYLOAD)
    with open(database, "w", encoding="ascii") as file:
        file.write(f"{hashlib.md5(PAYLOAD).hexdigest()}:{len(PAYLOAD)}:Wrapped.Payload\n")
    names = options.only.split(",") if options.only else sorted(WRAPPERS)
    rows, usable = {}, []

    def look(row, path):
        rows[row] = [found_by_candor(options.candor, database, passwords, path), found_by_clamscan(database, path)]
        print(f"{row}\t" + "\t".join(rows[row]), flush=True)

    for name in names:
        try:
            path = wrap(name, payload, folder)
        except Missing as missing:
            print(f"# {name}: {missing} is not installed", file=sys.stderr)
            continue
        except (subprocess.SubprocessError, OSError, RuntimeError) as error:
            print(f"# {name}: {error}", file=sys.stderr)
            continue
        usable.append(name)
        look(name, path)
        if not options.keep:
            shutil.rmtree(os.path.dirname(path), ignore_errors=True)
    nested = [name for name in usable if name not in documents.ONLY_PROGRAMS]
    for chain in chains(nested, options.nests if not options.only else 0, options.seed):
        path = payload
        try:
            for name in chain:
                path = wrap(name, path, folder)
                if os.path.getsize(path) > LARGEST:
                    raise RuntimeError("too large")
        except (Missing, subprocess.SubprocessError, OSError, RuntimeError) as error:
            print(f"# {' in '.join(chain)}: {error}", file=sys.stderr)
            continue
        look(" in ".join(chain), path)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    known = read_table()
    if options.write:
        with open(TABLE, "w", encoding="utf-8") as table:
            table.write("# payload in\tcandor\tclamscan\n")
            table.writelines(f"{row}\t" + "\t".join(found) + "\n" for row, found in rows.items())
    worse = [row for row, found in rows.items() if known.get(row, ["no"])[0] == "yes" and found[0] != "yes"]
    counts = {who: sum(found[at] == "yes" for found in rows.values()) for at, who in enumerate(["candor", "clamscan"])}
    print(json.dumps({"rows": len(rows), **counts, "worse": worse}), file=sys.stderr)
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
