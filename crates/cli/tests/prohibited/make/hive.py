"""Writes small registry hives (regf 1.5), for tests of readers. Usage: python3 hive.py FOLDER

The form is that of https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md;
what comes out is read by hivexsh.
"""
import struct
import sys
from pathlib import Path

TIME = 133_000_000_000_000_000
SZ, DWORD = 1, 4


class Hive:
    def __init__(self):
        self.cells = bytearray()

    def cell(self, data):
        """Adds a cell; its offset from the first bin."""
        offset = 32 + len(self.cells)
        size = -(-(len(data) + 4) // 8) * 8
        self.cells += struct.pack("<i", -size) + data + bytes(size - 4 - len(data))
        return offset

    def value(self, name, kind, data):
        raw = (data + "\0").encode("utf-16-le") if kind == SZ else struct.pack("<I", data)
        if len(raw) <= 4:
            size, where = len(raw) | 0x80000000, struct.unpack("<I", raw.ljust(4, b"\0"))[0]
        else:
            size, where = len(raw), self.cell(raw)
        text = name.encode("latin-1")
        return self.cell(b"vk" + struct.pack("<HIIIHH", len(text), size, where, kind, 1 if text else 0, 0) + text)

    def key(self, name, tree, root=False):
        """Adds a key with all below it; `tree` maps names to folders (dict) or to values (tuple of kind and data)."""
        text = name.encode("latin-1")
        values = [self.value(n, *v) for n, v in tree.items() if isinstance(v, tuple)]
        below = sorted((n for n, v in tree.items() if isinstance(v, dict)), key=str.upper)
        keys = [(n, self.key(n, tree[n])) for n in below]
        value_list = self.cell(struct.pack(f"<{len(values)}I", *values)) if values else 0xFFFFFFFF
        key_list = 0xFFFFFFFF
        if keys:
            entries = b"".join(struct.pack("<I", at) + n.encode("latin-1")[:4].ljust(4, b"\0") for n, at in keys)
            key_list = self.cell(b"lf" + struct.pack("<H", len(keys)) + entries)
        flags = 0x20 | (0x0C if root else 0)
        nk = struct.pack("<HQIIIIIIIIII", flags, TIME, 0, 0, len(keys), 0, key_list, 0xFFFFFFFF, len(values),
                         value_list, 0xFFFFFFFF, 0xFFFFFFFF)
        nk += struct.pack("<IIIIIHH", 64, 0, 64, 256, 0, len(text), 0)
        here = self.cell(b"nk" + nk + text)
        for _, child in keys:
            struct.pack_into("<I", self.cells, child - 32 + 4 + 16, here)
        return here

    def finish(self, root):
        size = -(-(32 + len(self.cells) + 8) // 4096) * 4096
        free = size - 32 - len(self.cells)
        data = b"hbin" + struct.pack("<IIQQI", 0, size, 0, TIME, 0) + self.cells
        data += struct.pack("<I", free) + bytes(free - 4)
        head = bytearray(4096)
        head[:4] = b"regf"
        struct.pack_into("<IIQIIIIII", head, 4, 1, 1, TIME, 1, 5, 0, 1, root, size)
        struct.pack_into("<I", head, 44, 1)
        total = 0
        for (word,) in struct.iter_unpack("<I", head[:508]):
            total ^= word
        struct.pack_into("<I", head, 508, total)
        return bytes(head) + data


def write(path, tree):
    hive = Hive()
    root = hive.key("ROOT", tree, root=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(hive.finish(root))


def program(name, version, publisher, place):
    return {"DisplayName": (SZ, name), "DisplayVersion": (SZ, version), "Publisher": (SZ, publisher),
            "InstallLocation": (SZ, place)}


def service(name, path, kind, start):
    return {"DisplayName": (SZ, name), "ImagePath": (SZ, path), "Type": (DWORD, kind), "Start": (DWORD, start)}


UNINSTALL = "Uninstall"


def software(vendors, programs):
    return {**vendors, "Microsoft": {"Windows": {"CurrentVersion": {UNINSTALL: programs}}},
            "WOW6432Node": vendors | {"Microsoft": {"Windows": {"CurrentVersion": {UNINSTALL: programs}}}}}


def main(folder):
    config = "Windows/System32/config"
    kes = {"KasperskyLab": {"protected": {"KES21.18": {"environment": {
        "ProductName": (SZ, "Kaspersky Endpoint Security for Windows"), "ProductVersion": (SZ, "12.7.0.533"),
        "ProductRoot": (SZ, "C:\\Program Files (x86)\\Kaspersky Lab\\KES.12.7.0")}}}}}
    programs = {"{C9EF800D-54AA-4F60-AB96-5A3966550F53}": program(
        "Kaspersky Endpoint Security for Windows", "12.7.0.533", "AO Kaspersky Lab",
        "C:\\Program Files (x86)\\Kaspersky Lab\\KES.12.7.0\\")}
    seven_zip = {"7-Zip": program("7-Zip 24.08 (x64)", "24.08", "Igor Pavlov", "C:\\Program Files\\7-Zip\\")}
    write(folder / "windows-kes" / config / "SOFTWARE", software(kes, programs | seven_zip))
    write(folder / "windows-kes" / config / "SYSTEM", {"Select": {"Current": (DWORD, 1)}, "ControlSet001": {"Services": {
        "klif": service("Kaspersky Lab Driver", "\\SystemRoot\\system32\\DRIVERS\\klif.sys", 2, 1),
        "AVP21.18": service("Kaspersky Endpoint Security Service",
                            "\"C:\\Program Files (x86)\\Kaspersky Lab\\KES.12.7.0\\avp.exe\" -r", 16, 2)}}})
    remnant = {"KasperskyLab": {"protected": {}}}
    write(folder / "windows-remnant" / config / "SOFTWARE", software(remnant, seven_zip))
    write(folder / "windows-remnant" / config / "SYSTEM", {"Select": {"Current": (DWORD, 1)}, "ControlSet001": {
        "Services": {"disk": service("Disk Driver", "System32\\drivers\\disk.sys", 1, 0)}}})
    kingsoft = {"Kingsoft": {"Antivirus": {"Version": (SZ, "2011.SP7"), "ProgramPath": (SZ, "c:\\program files\\kav")}}}
    write(folder / "windows-kingsoft" / config / "SOFTWARE", software(kingsoft, {"Kingsoft Antivirus": program(
        "Kingsoft AntiVirus", "2011.SP7", "Kingsoft Corporation", "c:\\program files\\kingsoft\\kingsoft antivirus")}))
    write(folder / "windows-acronis" / config / "SOFTWARE", software({"Acronis": {"TrueImageHome": {"Settings": {
        "Version": (SZ, "27.0")}}}}, {"{5E5C2B3C-0000-4000-8000-0A0B0C0D0E0F}": program(
            "Acronis Cyber Protect", "16.0.38690", "Acronis", "C:\\Program Files\\Acronis\\")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
