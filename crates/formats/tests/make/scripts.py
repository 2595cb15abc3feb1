"""Makes the samples of scripts and shortcuts: `python3 scripts.py`. What they decode to are texts."""

import base64
import gzip
import pathlib
import struct
import zlib

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
TEXT = "Write-Output 'a text that was hidden in a script'"


def write(folder, name, data):
    (GOLDEN / folder).mkdir(exist_ok=True)
    data = data.encode() if isinstance(data, str) else data
    (GOLDEN / folder / name).write_bytes(data)


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data.encode()) + packer.flush()


wide = b64(TEXT.encode("utf-16-le"))
write("script", "joined.ps1", "$a = 'Inv' + 'oke-'\n$b = \"{1}{0}\" -f 'ession','Expr'\n& ($a + $b) ('wri'+'te-'+'host')\n"
      "i`e`X ([char]72+[char]101+[char]0x79) ; -join ('o','l','l','e','h')\n\"$($x)x\".Replace('x','y')\n"
      "('hXllo').replace('X','e') ; ('dlrow'[-1..-5] -join '') ; [char[]](72,105) -join ''\n"
      "${e`nv} = 1; 'a-b-c' -replace '-','' \n")
write("script", "encoded.cmd", f"@echo off\r\npowershell.exe -NoP -w hidden -eNc {wide}\r\n")
write("script", "base64.ps1", f"iex ([Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('{wide}')))\n")
write("script", "gzip.ps1", f"$d = [System.Convert]::FromBase64String(\"{b64(gzip.compress(TEXT.encode(), mtime=0))}\")\n"
      "$s = New-Object IO.Compression.GzipStream($m, 1)\n")
write("script", "deflate.ps1", "iex (New-Object IO.StreamReader((New-Object IO.Compression.DeflateStream([IO.MemoryStream]"
      f"[Convert]::FromBase64String('{b64(deflate(TEXT * 3))}'),1))).ReadToEnd()\n")
write("script", "program.ps1", "$b = '" + b64(b"MZ\x90\0" + b"inert " * 20) + "'\n[byte[]]$c = " + ",".join("0x%02x" % b for b in b"MZ" + b"inert" * 20) + "\n")
write("script", "wide.ps1", ("\ufeff" + "'i'+'e'+'x'; powershell -e " + wide).encode("utf-16-le"))
write("script", "chr.vbs", 'Dim s\ns = Chr(72) & Chr(&H65) & ChrW(121)\nExecute s & StrReverse("dlrow") & Replace("aXb", "X", "-") _\n & Mid("abcdef", 2, 3)\n'
      'x = "po" & "wer"\nx = x & "shell"\nCreateObject("WScr" & "ipt.Shell").Run x\n')
write("script", "set.bat", "@echo off\r\nset a=pow\r\nset \"b=xxershell\"\r\nc^al^l %a%%b:~2% -Command %comspec:~-7,3%\r\nset q=a?b?c\r\n!q:?=!\r\n")
write("script", "pipe.sh", "#!/bin/sh\necho " + b64("echo a text that was hidden in a script\n") + " | base64 -d | sh\n"
      "$'\\x63\\x75rl' 'htt''p://example.org/'\nA=wg; B=et; $A$B \"$A\"\nprintf '\\143\\141\\164'\n")
write("script", "hidden.php", "<?php\n$f = 'base'.'64_'.\"\\x64ecode\";\nprint(gzinflate(base64_decode('" + b64(deflate("echo 'a text that was hidden in php';" * 3)) + "')));\n"
      "$x = str_rot13('flfgrz'); $y = chr(115).chr(121).chr(115); $z = strrev('metsys'); print(hex2bin('" + b"system('a text in hexadecimal digits')".hex() + "'));\n")
write("script", "exec.py", "import base64, zlib\nexec(zlib.decompress(base64.b64decode('" + b64(zlib.compress(b"print('a text that was hidden in python')")) + "')))\n"
      "x = chr(104) + 'e' + '\\x79'\n")
write("script", "nest.ps1", "(" * 5000 + "'a'+'b'" + ")" * 5000 + "iex")
write("script", "bomb.ps1", "iex; $a='aaaaaaaaaaaaaaaa'\n" + "$a=$a+$a\n" * 60 + "$a+'b'\n")
write("script", "unclosed.ps1", "iex 'a' + \"b\n[Convert]::FromBase64String('AAAA")
write("html", "page.hta", "<html><head><HTA:APPLICATION></head><script language=\"VBScript\">\nCreateObject(\"WScr\" & \"ipt.Shell\").Run Chr(99) & Chr(109) & Chr(100)\n</script></html>")
write("html", "job.wsf", "<?xml version=\"1.0\"?>\n<package><job id=\"a\"><script language=\"VBScript\"><![CDATA[\nMsgBox \"a\" & Chr(98)\n]]></script></job></package>")
write("html", "let.sct", "<?XML version=\"1.0\"?>\n<scriptlet><registration progid=\"x\" classid=\"{0}\"><script language=\"JScript\"><![CDATA[\nvar r = new ActiveXObject(\"WScript\"+\".Shell\");\n]]></script></registration></scriptlet>")


def shortcut(flags, *strings, extra=b"", info=b""):
    head = struct.pack("<I16sII", 76, bytes.fromhex("0114020000000000c000000000000046"), flags | 0x80, 0) + bytes(48)
    body = b"".join(struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in strings)
    return head + info + body + extra


environment = struct.pack("<II", 0x314, 0xA0000001) + b"%ComSpec%".ljust(260, b"\0") + "%ComSpec%".encode("utf-16-le").ljust(520, b"\0")
arguments = " " * 300 + f"/c po^wer^shell -w hidden -enc {wide}"
path = b"C:\\Windows\\System32\\cmd.exe\0"
info = struct.pack("<IIIIIII", 28 + len(path) + 1, 28, 1, 0, 28, 0, 28 + len(path)) + path + b"\0"
item = bytes([0x1F, 0x50]) + bytes(16)
named = b"\x32\0" + bytes(10) + b"CMD.EXE\0"
ids = b"".join(struct.pack("<H", len(part) + 2) + part for part in (item, named)) + b"\0\0"
write("lnk", "command.lnk", shortcut(0x200 | 1 | 2 | 32 | 64, arguments, "shell32.dll", info=struct.pack("<H", len(ids)) + ids + info, extra=environment + b"\0\0\0\0"))
write("lnk", "overlay.lnk", shortcut(32, "/c type") + b"\0\0\0\0" + b"MZ a file that hides behind a shortcut, long enough")
write("lnk", "cut.lnk", shortcut(32, "/c type")[:84])
write("lnk", "long-string.lnk", shortcut(32) + b"\xff\xffshort")
write("lnk", "odd-block.lnk", shortcut(16, "C:\\") + struct.pack("<II", 0xFFFFFFF0, 0xA0000009) + b"x" * 99)

# Texts that hold more than text.
write("text", "address.url", "[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,11\r\n[InternetShortcut]\r\nURL=file://example.org/a.exe\r\nIconFile=\\\\example.org\\a.ico\r\n")
write("text", "start.desktop", "[Desktop Entry]\nType=Application\nExec=env \"echo aGlkZGVuIGluIGEgZGVza3RvcCBmaWxl | base64 -d\"\n")
hexes = ",".join("%02x" % b for b in b"MZ" + b" an inert value of a registry file")
wide_hexes = ",".join("%02x" % b for b in "powershell -x an inert text\0".encode("utf-16-le"))
registry = ("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\A]\r\n\"bytes\"=hex:" + hexes[:60] + "\\\r\n  " + hexes[60:]
            + "\r\n\"path\"=hex(2):" + wide_hexes + "\r\n\"small\"=hex:01,02\r\n\"cut\"=hex:" + hexes[:50])
write("text", "values.reg", registry)
write("text", "wide.reg", ("\ufeff" + registry).encode("utf-16-le"))
write("text", "book.ipynb", '{"cells": [{"cell_type": "code", "source": ["import os\\n", "x = \\"a\\\\u0062\\""]}, {"source": "one string"}, {"source": ["cut'
      ' off\\n"'  ']}], "nbformat": 4}')


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


import os
import pickle

for protocol in range(6):
    write("pickle", f"call-{protocol}.pkl", pickle.dumps(Calls(os.system, "echo an inert command"), protocol))
write("pickle", "data.pkl", pickle.dumps({"a": [1, 2.5, b"bytes" * 30], "b": ("text", None)}, 4))
write("pickle", "two.pkl", pickle.dumps([1], 2) + pickle.dumps(Calls(eval, "1+1"), 4) + b"what lies behind two pickles")
write("pickle", "cut.pkl", pickle.dumps(Calls(os.system, "echo an inert command"), 4)[:-8])
write("pickle", "damaged.pkl", b"\x80\x04cos\nsystem\n\xff\xff an operation that does not exist")
write("pickle", "appended-text.pkl", b"cposix\nsystem\n(S'echo an inert command'\ntR.what lies behind a pickle of text")
write("pickle", "bomb.pkl", b"\x80\x02]q\0" + b"h\0h\0\x86" * 2000 + b".")
write("pickle", "memo.pkl", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\0h\x01\x93\x8c\x04true\x85R.")

active = b"ActiveMime\0\0\1\xf0\4\0\0\0\xff\xff\xff\xff\0\0\7\xf0" + bytes(50 - 26) + zlib.compress(b"macros would stand here, in an OLE2 file\n")
write("activemime", "stream.mso", active)
write("activemime", "overlay.mso", active + b"behind the stream")
write("activemime", "none.mso", active[:50] + b"x\x9cxxx no stream")
archive = ("MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"----=_NextPart_01\"\r\n\r\nThis document is a Single File Web Page.\r\n\r\n"
           "------=_NextPart_01\r\nContent-Location: file:///C:/a.htm\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/html; charset=\"us-ascii\"\r\n\r\n"
           "<html><script>a=3D1</script></html>\r\n\r\n------=_NextPart_01\r\nContent-Location: file:///C:/editdata.mso\r\nContent-Transfer-Encoding: base64\r\n"
           "Content-Type: application/x-mso\r\n\r\n" + b64(active) + "\r\n------=_NextPart_01--\r\n")
write("mail", "web-archive.mht", archive)
write("mail", "web-archive-browser.mht", "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\nSubject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype=\"text/html\";\r\n\tboundary=\"----=_NextPart_01\"\r\n" + archive[archive.index("\r\n\r\n"):])
write("mail", "web-archive-only-type.mht", archive.replace("MIME-Version: 1.0\r\n", ""))
