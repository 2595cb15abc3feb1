#!/usr/bin/env python3
"""Writes archives as Electron has them into tests/golden/asar: python3 crates/formats/tests/make/asar.py"""
import json, pathlib, struct

OUT = pathlib.Path(__file__).parent.parent / "golden" / "asar"


def asar(table, body):
    text = table if isinstance(table, bytes) else json.dumps(table, separators=(",", ":")).encode()
    padded = text + bytes(-len(text) % 4)
    return struct.pack("<IIII", 4, len(padded) + 8, len(padded) + 4, len(text)) + padded + body


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    files = {"main.js": b"console.log('inert')\n", "files": b"a file called files", "lib/a.js": b"// a\n"}
    body = b"".join(files.values())
    table = {"files": {
        "main.js": {"size": 21, "offset": "0", "integrity": {"algorithm": "SHA256", "blocks": ["00", "11"]}},
        "files": {"size": 19, "offset": "21"},
        "lib": {"files": {"a.js": {"offset": "40", "size": 5}, "native.node": {"size": 9, "unpacked": True}}},
    }}
    (OUT / "folders.asar").write_bytes(asar(table, body))
    (OUT / "overlay.asar").write_bytes(asar(table, body + b"more"))
    (OUT / "cut.asar").write_bytes(asar(table, body[:30]))
    (OUT / "table-cut.asar").write_bytes(asar(json.dumps(table, separators=(",", ":")).encode()[:190], body))
    whole = asar(table, body)
    (OUT / "header-cut.asar").write_bytes(whole[:180])
    (OUT / "deep.asar").write_bytes(asar(b'{"files":{"a":' * 300, b""))
