"""Signature sets that grow: synthetic digests, and logical signatures whose literals are turned round."""

import random
import re
from pathlib import Path

HEX_RUN = re.compile(r"(?<![0-9a-zA-Z?(|{\[])(?:[0-9a-fA-F]{2}){6,}(?![0-9a-zA-Z?)|}\]])")


def digests(folder, count):
    """Writes so many digests of sections and files, half of them of sections, as in ClamAV's own set."""
    rng = random.Random(7)
    size = lambda: rng.choice((512, 1024, 4096)) * rng.randint(1, 400)
    write(folder / "synthetic.mdb", count * 4 // 7, lambda at: f"{size()}:{rng.randbytes(16).hex()}:Synthetic.Section-{at}")
    write(folder / "synthetic.hdb", count * 3 // 14, lambda at: f"{rng.randbytes(16).hex()}:{size()}:Synthetic.File-{at}")
    write(folder / "synthetic.hsb", count * 3 // 14, lambda at: f"{rng.randbytes(32).hex()}:{size()}:Synthetic.Sha-{at}")


def write(path, count, line):
    with path.open("w") as file:
        file.writelines(line(at) + "\n" for at in range(count))


def times(source, target, factor):
    """Copies logical signatures and writes factor - 1 variants of each: every long literal turned by a few bytes, so
    that bytes and pairs of bytes are about as common as in the original, and the literals are others."""
    lines = [line for line in source.read_text(errors="surrogateescape").splitlines() if line]
    with target.open("w", errors="surrogateescape") as file:
        for variant in range(factor):
            for line in lines:
                name, *rest = line.split(";")
                if variant:
                    rest[2:] = [turned(part, variant) for part in rest[2:]]
                    name = f"{name}.{variant}"
                file.write(";".join([name, *rest]) + "\n")


def turned(part, variant):
    if "/" in part or "#" in part or part.startswith("$"):
        return part
    def turn(match):
        text = match.group()
        by = 2 * (1 + 2 * variant % (len(text) // 2 - 1))
        return text[by:] + text[:by]
    return HEX_RUN.sub(turn, part)


def copy_all(source, target):
    for path in sorted(Path(source).iterdir()):
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
