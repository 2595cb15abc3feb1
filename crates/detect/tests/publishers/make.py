#!/usr/bin/env python3
"""Makes the samples of this folder, inert programs that a certificate authority of our own has signed, and `cases.tsv`
with what clamscan says of each. Needs openssl, osslsigncode, clamscan, and the package cryptography.

Keys are made anew and thrown away, so that everything changes with each run: commit all or nothing."""

import datetime
import hashlib
import os
import struct
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = tempfile.mkdtemp()
CONFIGURATION = """
[ca]
default_ca=d
[d]
new_certs_dir=.
database=index.txt
serial=serial
default_md=sha256
policy=p
unique_subject=no
[p]
countryName=optional
organizationName=optional
commonName=supplied
[req]
distinguished_name=dn
[dn]
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
[code]
keyUsage=digitalSignature
extendedKeyUsage=codeSigning
[server]
keyUsage=digitalSignature
extendedKeyUsage=serverAuth
[time]
keyUsage=digitalSignature
extendedKeyUsage=critical,timeStamping
[plain]
"""
LATER = "20490101000000Z"
# File offset of the directory entry that names the table of signatures, and of the checksum.
DIRECTORY = 64 + 24 + 96 + 32
CHECKSUM = 64 + 24 + 64


def run(*command, check=True):
    return subprocess.run(command, cwd=WORK, check=check, capture_output=True, text=True).stdout


def path(name):
    return os.path.join(WORK, name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content)


# Certificates.


def certificate(name, subject, issuer, kind, end=LATER, start="20200101000000Z"):
    run("openssl", "genrsa", "-out", f"{name}.key", "2048")
    run("openssl", "req", "-config", "ca.cnf", "-new", "-key", f"{name}.key", "-out", f"{name}.csr",
        "-subj", f"/C=XX/O=Candor Tests/CN={subject}", "-sha256")
    signer = ["-cert", f"{issuer}.pem", "-keyfile", f"{issuer}.key"] if issuer else ["-selfsign", "-keyfile", f"{name}.key"]
    run("openssl", "ca", "-batch", "-config", "ca.cnf", *signer, "-in", f"{name}.csr", "-out", f"{name}.pem",
        "-startdate", start, "-enddate", end, "-extensions", kind, "-notext", "-md", "sha256")


def load(name):
    return x509.load_pem_x509_certificate(read(f"{name}.pem"))


def entry(name, of, trusted=1, uses="1;1;1", serial=None, key=None):
    """A line of a list of publishers."""
    one = load(of)
    subject = hashlib.sha1(elements(one.subject.public_bytes())[0][1]).hexdigest()
    number = one.serial_number
    if serial is None:
        serial = hashlib.sha1(number.to_bytes(number.bit_length() // 8 + 1, "big")).hexdigest()
    key = key or "%X" % one.public_key().public_numbers().n
    return f"{name};{trusted};{subject};{serial};{key};010001;{uses};;made for tests"


# DER.


def element(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def elements(content):
    found, at = [], 0
    while at + 1 < len(content):
        length, head = content[at + 1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(content[at + 2 : at + head], "big")
        end = at + head + length
        found.append((content[at], content[at + head : end], content[at:end]))
        at = end
    return found


def sequence(*parts):
    return element(0x30, b"".join(parts))


def set_of(*parts):
    return element(0x31, b"".join(sorted(parts)))


def identifier(text):
    numbers = [int(number) for number in text.split(".")]
    content = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        part = [number & 127]
        while number := number >> 7:
            part.insert(0, number & 127 | 128)
        content += bytes(part)
    return element(6, content)


def integer(number):
    return element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


ALGORITHMS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1"}
NULL = element(5, b"")


def algorithm(name):
    return sequence(identifier(ALGORITHMS.get(name, name)), NULL)


def attribute(name, value):
    return sequence(identifier(name), set_of(value))


def signer(of, content_type, digest, name="sha256", when=None):
    one = load(of)
    key = serialization.load_pem_private_key(read(f"{of}.key"), None)
    attributes = [
        attribute("1.2.840.113549.1.9.3", identifier(content_type)),
        attribute("1.2.840.113549.1.9.4", element(4, digest)),
    ]
    if when:
        time = datetime.datetime.fromtimestamp(when, datetime.UTC).strftime("%y%m%d%H%M%SZ")
        attributes.append(attribute("1.2.840.113549.1.9.5", element(0x17, time.encode())))
    body = b"".join(sorted(attributes))
    kind = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}[name]
    signature = key.sign(element(0x31, body), padding.PKCS1v15(), kind())
    return sequence(
        integer(1),
        sequence(one.issuer.public_bytes(), integer(one.serial_number)),
        algorithm(name),
        element(0xA0, body),
        algorithm("1.2.840.113549.1.1.1"),
        element(4, signature),
    )


def der(of):
    return load(of).public_bytes(serialization.Encoding.DER)


# Programs.


def program():
    """A program of one section that returns at once."""
    body = b"\xc3Candor made this."
    optional = struct.pack("<HBBIIIIII", 0x10B, 14, 0, 512, 0, 0, 0x1000, 0x1000, 0x2000)
    optional += struct.pack("<IIIHHHHHHIIIIHHIIIIII", 0x400000, 0x1000, 512, 6, 0, 0, 0, 6, 0, 0, 0x2000, 512, 0, 3, 0,
                            0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    optional += bytes(128)
    header = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    header += struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, len(optional), 0x102) + optional
    header += b".text\0\0\0" + struct.pack("<IIIIIIHHI", len(body), 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    return header.ljust(512, b"\0") + body.ljust(512, b"\0")


def sign(out, certificates, *options, name="sha256", source="unsigned.exe"):
    write("chain.pem", b"".join(read(f"{one}.pem") for one in certificates))
    run("osslsigncode", "sign", "-certs", "chain.pem", "-key", f"{certificates[0]}.key", "-in", source, "-out", out,
        "-h", name, *options)


def table(name):
    content = read(name)
    offset, size = struct.unpack_from("<II", content, DIRECTORY)
    return content, offset, size


def with_table(name, out, new, before=b""):
    content, old, _ = table(name)
    changed = bytearray(content[:old] + before + new)
    struct.pack_into("<II", changed, DIRECTORY, old + len(before), len(new))
    write(out, changed)


def changed(name, out, place, xor=1):
    content = bytearray(read(name))
    content[place] ^= xor
    write(out, content)


def countersigned(name, out, by, when, wrong=b"", with_certificate=True):
    """The signature with what somebody says of its time (PKCS #9)."""
    content, offset, size = table(name)
    kind, data = elements(elements(content[offset + 8 : offset + size])[0][1])
    version, algorithms, what, certificates, signers = elements(elements(data[1])[0][1])
    fields = elements(elements(signers[1])[0][1])
    time = signer(by, "1.2.840.113549.1.7.1", hashlib.sha256(fields[5][1] + wrong).digest(), when=when)
    new_signer = sequence(*(field[2] for field in fields[:6]), element(0xA1, attribute("1.2.840.113549.1.9.6", time)))
    new_certificates = element(0xA0, certificates[1] + (der(by) if with_certificate else b""))
    new = sequence(kind[2], element(0xA0, sequence(
        version[2], algorithms[2], what[2], new_certificates, element(0x31, new_signer))))
    new += bytes(-len(new) % 8)
    with_table(name, out, struct.pack("<IHH", len(new) + 8, 0x200, 2) + new)


def program_digest(name, algorithm_name):
    content, offset, _ = table(name)
    covered = content[:CHECKSUM] + content[CHECKSUM + 4 : DIRECTORY] + content[DIRECTORY + 8 : offset or None]
    return hashlib.new(algorithm_name, covered).digest()


def catalog(out, digests, by, kind="1.3.6.1.4.1.311.2.1.15"):
    members = []
    for digest, name in digests:
        image = sequence(element(3, b"\0"), element(0xA0, element(0xA2, element(0x80, b""))))
        indirect = sequence(sequence(identifier(kind), image), sequence(algorithm(name), element(4, digest)))
        members.append(sequence(
            element(4, digest.hex().upper().encode("utf-16-le")), set_of(attribute("1.3.6.1.4.1.311.2.1.4", indirect))))
    members = sequence(
        sequence(identifier("1.3.6.1.4.1.311.12.1.1")), element(4, bytes(16)), element(0x17, b"200913122640Z"),
        sequence(identifier("1.3.6.1.4.1.311.12.1.2"), NULL), sequence(*members))
    kind = "1.3.6.1.4.1.311.10.1"
    digest = hashlib.sha256(elements(members)[0][1]).digest()
    write(out, sequence(identifier("1.2.840.113549.1.7.2"), element(0xA0, sequence(
        integer(1), set_of(algorithm("sha256")), sequence(identifier(kind), element(0xA0, members)),
        element(0xA0, der(by)), element(0x31, signer(by, kind, digest))))))


def make_certificates():
    write("ca.cnf", CONFIGURATION.encode())
    write("index.txt", b"")
    write("serial", b"F00000000000000000000000000000A0\n")
    certificate("root", "Test Root", None, "authority")
    certificate("between", "Test Between", "root", "authority")
    certificate("between-expired", "Test Between Expired", "root", "authority", end="20210101000000Z")
    certificate("leaf", "Test Leaf", "between", "code")
    certificate("leaf-between-expired", "Test Leaf 2", "between-expired", "code")
    certificate("direct", "Test Direct", "root", "code")
    certificate("by-direct", "Test By Direct", "direct", "code")
    certificate("expired", "Test Expired", "root", "code", end="20210101000000Z")
    certificate("future", "Test Future", "root", "code", start="20480101000000Z")
    certificate("server", "Test Server", "root", "server")
    certificate("no-use", "Test No Use", "root", "plain")
    certificate("time", "Test Time", "root", "time")


def make_samples():
    write("unsigned.exe", program())
    for name in ["md5", "sha1", "sha256", "sha384", "sha512"]:
        sign(f"direct-{name}.exe", ["direct"], name=name)
    sign("pages.exe", ["direct"], "-ph")
    sign("with-root.exe", ["direct", "root"])
    sign("chain.exe", ["leaf", "between"])
    sign("chain-between-expired.exe", ["leaf-between-expired", "between-expired"])
    sign("chain-gap.exe", ["leaf"])
    sign("by-direct.exe", ["by-direct", "direct"])
    sign("stranger.exe", ["direct", "time"])
    for name in ["expired", "future", "server", "no-use", "root"]:
        sign(f"by-{name}.exe", [name])
    stamp = ["-TSA-certs", "time.pem", "-TSA-key", "time.key", "-TSA-time", "1590000000"]
    sign("expired-rfc3161.exe", ["expired"], *stamp)
    sign("direct-rfc3161.exe", ["direct"], *stamp)
    sign("nested.exe", ["leaf", "between"], "-nest", source="direct-sha256.exe")
    countersigned("by-expired.exe", "expired-countersigned.exe", "time", 1590000000)
    countersigned("by-expired.exe", "expired-countersigned-late.exe", "time", 1700000000)
    countersigned("by-expired.exe", "expired-countersigned-wrong.exe", "time", 1590000000, wrong=b"x")
    countersigned("by-expired.exe", "expired-countersigned-by-code.exe", "direct", 1590000000)
    countersigned("direct-sha256.exe", "direct-countersigned.exe", "time", 1700000000)
    countersigned("direct-sha256.exe", "direct-countersigned-wrong.exe", "time", 1700000000, wrong=b"x")
    countersigned("direct-sha256.exe", "direct-countersigned-nobody.exe", "time", 1700000000, with_certificate=False)
    content, offset, _ = table("direct-sha256.exe")
    other = read("chain.exe")[offset:]
    changed("direct-sha256.exe", "changed.exe", 512 + 30)
    changed("direct-sha256.exe", "changed-checksum.exe", CHECKSUM)
    changed("direct-sha256.exe", "changed-signature.exe", len(content) - 100)
    changed("direct-sha256.exe", "type-of-table.exe", offset + 6, xor=3)
    write("tail.exe", content + b"tail")
    with_table("direct-sha256.exe", "two-direct-first.exe", content[offset:] + other)
    with_table("direct-sha256.exe", "two-chain-first.exe", other + content[offset:])
    with_table("direct-sha256.exe", "length-short.exe", struct.pack("<I", 64) + content[offset + 4 :])
    with_table("direct-sha256.exe", "overlay-before.exe", content[offset:], before=bytes(8))
    catalog("programs.cat", [(program_digest("unsigned.exe", "sha1"), "sha1")], "direct")
    catalog("programs-sha256.cat", [(program_digest("unsigned.exe", "sha256"), "sha256")], "direct")
    catalog("files.cat", [(hashlib.sha1(read("unsigned.exe")).digest(), "sha1")], "direct", "1.3.6.1.4.1.311.2.1.25")
    catalog("expired.cat", [(program_digest("unsigned.exe", "sha1"), "sha1")], "expired")


def entries():
    return [
        entry("root", "root"),
        entry("root-any-serial", "root", serial=""),
        entry("root-no-code", "root", uses="0;1;1"),
        entry("root-no-time", "root", uses="1;0;1"),
        entry("root-no-certificates", "root", uses="1;1;0"),
        entry("root-other-key", "root", key="C3" * 256),
        entry("between", "between", uses="1;0;1"),
        entry("direct", "direct", uses="1;0;0"),
        entry("direct-other-serial", "direct", uses="1;0;0", serial="00" * 20),
        entry("direct-no-code", "direct", uses="0;0;1"),
        entry("server", "server", uses="1;0;0"),
        entry("no-use", "no-use", uses="1;0;0"),
        entry("expired", "expired", uses="1;0;0"),
        entry("time", "time", uses="0;1;0"),
        entry("Blocked.Root", "root", 0),
        entry("Blocked.Between", "between", 0),
        entry("Blocked.Direct", "direct", 0),
        entry("Blocked.Direct.Uses", "direct", 0, uses="0;0;0"),
        entry("Blocked.Direct.Any", "direct", 0, serial=""),
        entry("Blocked.Direct.Serial", "direct", 0, serial="00" * 20),
        entry("Blocked.Direct.Key", "direct", 0, key="C3" * 256),
        entry("Blocked.Leaf", "leaf", 0),
        entry("Blocked.Time", "time", 0),
        entry("Blocked.Expired", "expired", 0),
    ]


def cases(samples, names):
    everything = [(sample, "root") for sample in samples]
    everything += [("direct-sha256.exe", name) for name in names]
    everything += [("chain.exe", name) for name in names if "oo" in name or "etween" in name or "eaf" in name]
    everything += [("by-root.exe", name) for name in names if "oot" in name]
    everything += [("with-root.exe", "Blocked.Root"), ("by-server.exe", "server"), ("by-no-use.exe", "no-use")]
    everything += [(f"expired-countersigned.exe", lists) for lists in ["root-no-time", "expired", "expired time"]]
    everything += [("expired-countersigned.exe", "root Blocked.Time"), ("direct-rfc3161.exe", "root Blocked.Time")]
    everything += [("stranger.exe", "root Blocked.Time"), ("by-expired.exe", "root Blocked.Expired")]
    everything += [("direct-sha256.exe", "root Blocked.Direct"), ("direct-sha256.exe", "root-other-key root")]
    everything += [("direct-sha256.exe", "direct Blocked.Direct"), ("changed.exe", "Blocked.Direct")]
    everything += [("changed-signature.exe", "Blocked.Direct"), ("direct-countersigned.exe", "root-no-time")]
    everything += [("two-direct-first.exe", "between"), ("two-chain-first.exe", "between")]
    everything += [("nested.exe", "Blocked.Leaf"), ("length-short.exe", "Blocked.Direct")]
    for one in ["programs.cat", "programs-sha256.cat", "files.cat", "expired.cat"]:
        everything += [("unsigned.exe", f"root {one}"), ("unsigned.exe", one), ("by-future.exe", f"root {one}")]
    everything += [("unsigned.exe", "root Blocked.Direct programs.cat"), ("changed.exe", "root programs.cat")]
    return everything


def clamscan(sample, lists, lines):
    """What clamscan says of a sample in which the mark would be found."""
    named = {line.split(";")[0]: line for line in lines}
    chosen = [named[name] for name in lists.split() if name in named]
    write("mark.ndb", b"Mark:0:*:" + b"Candor made this".hex().encode() + b"\n")
    write("chosen.crb", "\n".join(chosen).encode() + b"\n")
    options = ["-d", "mark.ndb"] + (["-d", "chosen.crb"] if chosen else [])
    for name in lists.split():
        options += ["-d", name] if name.endswith(".cat") else []
    said = run("clamscan", "--no-summary", *options, sample, check=False).strip().split(": ")[1]
    return said.removesuffix(" FOUND").removesuffix(".UNOFFICIAL")


def main():
    make_certificates()
    make_samples()
    lines = entries()
    samples = sorted(name for name in os.listdir(WORK) if name.endswith(".exe"))
    rows = [f"{sample}\t{lists}\t{clamscan(sample, lists, lines)}"
            for sample, lists in cases(samples, [line.split(";")[0] for line in lines])]
    for name in samples + [name for name in os.listdir(WORK) if name.endswith(".cat")]:
        with open(os.path.join(HERE, name), "wb") as file:
            file.write(read(name))
    for name, content in [("entries.crb", lines), ("cases.tsv", rows)]:
        with open(os.path.join(HERE, name), "w") as file:
            file.write("\n".join(content) + "\n")


main()
