"""Starts candord and clamd, looks at what they use, and makes the samples and databases for them."""

import io
import json
import os
import signal
import socket
import subprocess
import time
import zipfile
from pathlib import Path

# In two pieces, so that scanners leave this file alone.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
# The load client puts a number there.
PLACE = b"@@@@@@@@"


def zipped(content, name="member.txt"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = PLACE
        archive.writestr(name, content)
    return packed.getvalue()


def encrypted():
    """A zip whose member looks encrypted; without the password nobody can know better."""
    packed = bytearray(zipped(os.urandom(2000)))
    packed[6] |= 1
    directory = packed.index(b"PK\x01\x02")
    packed[directory + 8] |= 1
    # Content that the flag only pretends to be encrypted would be examined all the same.
    packed[40:directory] = os.urandom(directory - 40)
    return bytes(packed)


def text(length):
    words = b"The quick brown fox jumps over the lazy dog. "
    return (PLACE + words * (length // len(words) + 1))[:length]


def make_samples(folder, names):
    """Writes the named samples into a folder."""
    archive = zipped(text(5000))
    samples = {
        "ok.empty": b"",
        "ok.100": text(100),
        "ok.10k": text(10_000),
        "ok.1m": text(1 << 20),
        "ok.garbage": PLACE + os.urandom(5000),
        "ok.zip": archive,
        "found.eicar": EICAR,
        "found.zip": zipped(EICAR),
        "found.nested": zipped(zipped(EICAR), "inner.zip"),
        "gap.broken": archive[: len(archive) // 2],
        "gap.encrypted": encrypted(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or samples:
        (folder / name).write_bytes(samples[name])
    return folder


def make_database(candor, folder, number):
    """A database that knows EICAR, and a signature that only this one has."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"Test.Eicar:0:*:{EICAR.hex()}", f"Test.Number{number}:0:*:{os.urandom(16).hex()}"]
    (folder / "test.ndb").write_text("\n".join(lines) + "\n")
    database = folder.with_suffix(".db")
    subprocess.run([candor, "db", "build", "--output", database, folder], check=True, capture_output=True)
    return database


class Server:
    """A process, its children, and where it listens."""

    def __init__(self, name, command, socket_path, before=None):
        self.name, self.socket = name, socket_path
        self.address = f"unix:{socket_path}"
        self.log = open(f"{socket_path}.log", "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=before
        )
        deadline = time.monotonic() + 120
        while self.ask(b"zPING\0") != b"PONG\0":
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: " + Path(f"{socket_path}.log").read_text()[-2000:])
            time.sleep(0.1)

    def ask(self, command):
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(self.socket))
                client.sendall(command)
                return client.recv(4096)
        except OSError:
            return b""

    def metric(self, name):
        """The sum of all samples of candord's metrics that begin with this."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.socket}.metrics")
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: candord\r\n\r\n")
            page = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name))

    def children(self):
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            try:
                found += [int(number) for number in task.read_text().split()]
            except OSError:
                pass
        return found

    def memory(self):
        """Megabytes of the process and its children; what they share is counted once (PSS)."""
        kilobytes = 0
        for number in [self.process.pid, *self.children()]:
            try:
                for line in Path(f"/proc/{number}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        kilobytes += int(line.split()[1])
            except OSError:
                pass
        return kilobytes / 1024

    def processor(self):
        """Seconds of processor time of the process and its children, those that ended included."""
        ticks = 0
        for number in [self.process.pid, *self.children()]:
            try:
                fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
            if number == self.process.pid:
                ticks += int(fields[13]) + int(fields[14])
        return ticks / os.sysconf("SC_CLK_TCK")

    def precise_processor(self):
        """The same of all threads that live; ticks are too long for a few requests."""
        nanoseconds = 0
        for number in [self.process.pid, *self.children()]:
            for task in Path(f"/proc/{number}/task").glob("*/schedstat"):
                try:
                    nanoseconds += int(task.read_text().split()[0])
                except OSError:
                    pass
        return nanoseconds / 1e9

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode


def candord(binaries, folder, databases=(), settings=(), name="candord", before=None):
    """candord with the clamd front-end; what is in `settings` counts more."""
    socket_path = folder / f"{name}.sock"
    values = {
        "clamd.listen": f"unix:{socket_path}",
        "metrics.listen": f"unix:{socket_path}.metrics",
        "clamd.connections": 2000,
        "clamd.gaps": "report",
        "service.workers": 2,
        "service.temporary": str(folder),
        "log.level": "error",
        "database.files": json.dumps([str(path) for path in databases]),
    }
    values.update(settings)
    command = [str(binaries / "candord")]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    return Server(name, command, socket_path, before)


def clamd(folder, signatures, cache, name="clamd"):
    """clamd in the foreground, with as many scanning threads as candord has workers."""
    socket_path = folder / f"{name}.sock"
    configuration = folder / f"{name}.conf"
    configuration.write_text(
        f"LocalSocket {socket_path}\nDatabaseDirectory {signatures}\nForeground yes\nMaxThreads 2\n"
        f"TemporaryDirectory {folder}\nLogFile {folder}/{name}.log\nUser root\nSelfCheck 0\n"
        f"MaxConnectionQueueLength 200\nMaxQueue 200\nStreamMaxLength 100M\nDisableCache {'no' if cache else 'yes'}\n"
    )
    return Server(name, ["clamd", "--config-file", str(configuration)], socket_path)


class Load:
    """The load client, running."""

    def __init__(self, binaries, server, mode, samples, **options):
        command = [str(binaries / "load"), mode, server.address, "--samples", str(samples)]
        for option, value in options.items():
            command += [f"--{option}"] if value is True else [f"--{option}", str(value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def figures(self):
        told = self.process.communicate()[0]
        if self.process.returncode != 0:
            raise SystemExit("the load client failed")
        return json.loads(told)
