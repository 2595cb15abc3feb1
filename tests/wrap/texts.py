"""Mail and encoded text."""

import base64
import binascii
import email.message
import email.policy
import os
import quopri

from archives import to_output


def written(out, text):
    """A file that a function of the payload's bytes writes."""
    def make(source, work):
        with open(source, "rb") as file:
            data = file.read()
        path = os.path.join(work, out)
        with open(path, "wb") as file:
            file.write(text(data))
        return path
    return [], make


def mail(encoding):
    def text(data):
        message = email.message.EmailMessage(policy=email.policy.SMTP)
        message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "wrapped"
        message.set_content("See the file.")
        message.add_attachment(data, "application", "octet-stream", filename="inner.bin", cte=encoding)
        return message.as_bytes()
    return written("out.eml", text)


def quoted(data):
    head = b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(data, quotetabs=True)


def mhtml(data):
    body = base64.encodebytes(data)
    return (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
            b"<p>x</p>\r\n--b\r\nContent-Location: file:///inner.bin\r\nContent-Transfer-Encoding: base64\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + body + b"\r\n--b--\r\n")


def page(data):
    return b'<html><body><a href="data:application/octet-stream;base64,' + base64.b64encode(data) + b'">x</a></body></html>'


def yenc(data):
    lines, line = [], b""
    for byte in data:
        code = (byte + 42) % 256
        line += bytes([61, (code + 64) % 256]) if code in (0, 9, 10, 13, 46, 61) else bytes([code])
        if len(line) >= 128:
            lines, line = [*lines, line], b""
    lines.append(line)
    check = binascii.crc32(data)
    return (b"=ybegin line=128 size=%d name=inner.bin\r\n" % len(data) + b"\r\n".join(lines) +
            b"\r\n=yend size=%d crc32=%08x\r\n" % (len(data), check))


def powershell(data):
    return b"$b = [Convert]::FromBase64String('" + base64.b64encode(data) + b"')\r\n[IO.File]::WriteAllBytes('a.exe', $b)\r\n"


def shell(data):
    return b"#!/bin/sh\necho " + base64.b64encode(data) + b" | base64 -d > /tmp/a\nchmod +x /tmp/a\n/tmp/a\n"


WRAPPERS = {
    "mail-base64": mail("base64"),
    "mail-quoted-printable": written("out.eml", quoted),
    "mhtml": written("out.mht", mhtml),
    "html-data-address": written("out.html", page),
    "uuencode": to_output("out.uu", "uuencode", "inner.bin", "inner.bin"),
    "yenc": written("out.yenc", yenc),
    "powershell-base64": written("out.ps1", powershell),
    "shell-base64": written("out.sh", shell),
}
