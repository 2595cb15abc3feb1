#!/usr/bin/env python3
"""Writes the compound files into tests/golden/ole2: python3 crates/formats/tests/make/ole2.py

The macros are inert. ClamAV's sigtool and olevba read them as they are meant.
"""
import pathlib, struct

OUT = pathlib.Path(__file__).parent.parent / "golden" / "ole2"
def compress(data):
    out=bytearray(b'\x01')
    for cs in range(0,len(data),4096):
        chunk=data[cs:cs+4096]
        body=bytearray(); pos=0
        while pos<len(chunk):
            flag=0; toks=bytearray()
            for bit in range(8):
                if pos>=len(chunk): break
                best=0;off=0
                bc=max((pos-1).bit_length() if pos>1 else 0,4)
                if pos: bc=max(4,(pos-1).bit_length())
                maxlen=min((0xffff>>bc)+3,len(chunk)-pos)
                for cand in range(max(0,pos-(1<<bc)),pos):
                    l=0
                    while l<maxlen and chunk[cand+l]==chunk[pos+l]: l+=1
                    if l>best: best=l;off=pos-cand
                if best>=3:
                    flag|=1<<bit
                    toks+=struct.pack('<H',((off-1)<<(16-bc))|(best-3)); pos+=best
                else:
                    toks.append(chunk[pos]); pos+=1
            body.append(flag); body+=toks
        if len(body)>=4096:
            out+=struct.pack('<H',0x3fff)+chunk.ljust(4096,b'\0')
        else:
            out+=struct.pack('<H',0xb000|(len(body)-1))+body
    return bytes(out)
def cfb(tree):
    # tree: dict name-> bytes | dict
    ents=[['Root Entry',5,None,b'']]
    def add(d):
        ids=[]
        for n,v in d.items():
            i=len(ents); ents.append([n,1 if isinstance(v,dict) else 2,None,v]); ids.append(i)
            if isinstance(v,dict): ents[i][2]=add(v)
        return ids
    ents[0][2]=add(tree)
    mini=bytearray(); minifat=[]; sect=[]; fat=[]
    def put(data):
        n=(len(data)+511)//512
        if n==0: return 0xfffffffe
        s=len(fat)
        for i in range(n):
            fat.append(s+i+1 if i+1<n else 0xfffffffe); sect.append(data[i*512:i*512+512].ljust(512,b'\0'))
        return s
    info=[]
    for n,t,ch,v in ents:
        if t==2:
            if len(v)<4096:
                k=(len(v)+63)//64; s=len(minifat) if k else 0xfffffffe
                for i in range(k): minifat.append(s+i+1 if i+1<k else 0xfffffffe)
                mini+=v.ljust(k*64,b'\0'); info.append((s,len(v)))
            else: info.append((put(v),len(v)))
        else: info.append((0,0))
    info[0]=(put(bytes(mini)),len(mini))
    mf=put(b''.join(struct.pack('<I',x) for x in minifat+[0xffffffff]*(-len(minifat)%128)))
    nmf=(len(minifat)+127)//128
    sib=[(0xffffffff,)]*len(ents)
    right=[0xffffffff]*len(ents); child=[0xffffffff]*len(ents)
    for i,(n,t,ch,v) in enumerate(ents):
        if ch:
            child[i]=ch[0]
            for a,b in zip(ch,ch[1:]): right[a]=b
    d=b''
    for i,(n,t,ch,v) in enumerate(ents):
        u=n.encode('utf-16le')+b'\0\0'
        d+=u.ljust(64,b'\0')+struct.pack('<HBBIII',len(u),t,1,0xffffffff,right[i],child[i])+b'\0'*16+b'\0'*20+struct.pack('<IQ',*info[i])
    d=d.ljust((len(d)+511)//512*512,b'\0')
    ds=put(d)
    nf=1
    while (len(fat)+nf)>nf*128: nf+=1
    fs=len(fat)
    for i in range(nf): fat.append(0xfffffffd); sect.append(None)
    full=fat+[0xffffffff]*(nf*128-len(fat))
    for i in range(nf): sect[fs+i]=b''.join(struct.pack('<I',x) for x in full[i*128:i*128+128])
    h=b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'+b'\0'*16+struct.pack('<HHHHH',0x3e,3,0xfffe,9,6)+b'\0'*6+struct.pack('<IIIIIIIIII',0,nf,ds,0,4096,mf if nmf else 0xfffffffe,nmf,0xfffffffe,0,0)[:40]
    h=h[:76]
    h+=b''.join(struct.pack('<I',fs+i if i<nf else 0xffffffff) for i in range(109))
    return h+b''.join(sect)
def rec(i,b): return struct.pack('<HI',i,len(b))+b
def vbadir(mods,offset=0):
    d=rec(1,struct.pack('<I',1))+rec(2,struct.pack('<I',0x409))+rec(0x14,struct.pack('<I',0x409))+rec(3,struct.pack('<H',1252))+rec(4,b'VBAProject')+rec(5,b'')+rec(0x40,b'')+rec(6,b'')+rec(0x3d,b'')+rec(7,struct.pack('<I',0))+rec(8,struct.pack('<I',0))
    d+=struct.pack('<HIIH',9,4,1,1)+rec(0xc,b'')+rec(0x3c,b'')
    d+=rec(0xf,struct.pack('<H',len(mods)))+rec(0x13,b'\xff\xff')
    for i,n in enumerate(mods):
        u=n.encode('utf-16le')
        d+=rec(0x19,n.encode())+rec(0x47,u)+rec(0x1a,n.encode())+rec(0x32,u)+rec(0x1c,b'')+rec(0x48,b'')+rec(0x31,struct.pack('<I',offset))+rec(0x1e,struct.pack('<I',0))+rec(0x2c,b'\xff\xff')+rec(0x22 if i==0 else 0x21,b'')+struct.pack('<HI',0x2b,0)
    return d+struct.pack('<HI',0x10,0)
M1=b'Attribute VB_Name = "ThisDocument"\r\nAttribute VB_Base = "0{00020906-0000-0000-C000-000000000046}"\r\nPrivate Sub Document_Open()\r\n    MsgBox "inert test macro"\r\nEnd Sub\r\n'
M2=b'Attribute VB_Name = "Module1"\r\n'+b''.join(b"' line %d of a longer module\r\n"%i for i in range(300))+b'Sub Two()\r\nEnd Sub\r\n'
PROJ=b'ID="{00000000-0000-0000-0000-000000000000}"\r\nDocument=ThisDocument/&H00000000\r\nModule=Module1\r\nName="VBAProject"\r\n'
def doc(off=0):
    pre=bytes(range(256))*((off+255)//256); pre=pre[:off]
    return cfb({'WordDocument':b'\xec\xa5\xc1\0'+b'\0'*1500,'1Table':b'\0'*5000,'Macros':{'VBA':{'dir':compress(vbadir(['ThisDocument','Module1'],off)),'_VBA_PROJECT':b'\xcc\x61\xff\xff\0\0\0','ThisDocument':pre+compress(M1),'Module1':pre+compress(M2)},'PROJECT':PROJ,'PROJECTwm':b'ThisDocument\0T\0h\0\0\0'}})
def biff(kind, body):
    return struct.pack("<HH", kind, len(body)) + body
def short(text):
    return bytes([len(text), 0]) + text.encode("latin-1")
def texts(parts):
    """Tokens that join texts; letters that are numbers are made by CHAR."""
    out = b""
    for at, part in enumerate(parts):
        out += b"\x17" + short(part) if isinstance(part, str) else b"\x1e" + struct.pack("<H", part) + b"\x41\x6f\0"
        out += b"\x08" if at else b""
    return out
def workbook(disguised=False, encrypted=False, version=0x600):
    bof = lambda kind: biff(0x809, struct.pack("<HHHHII", version, kind, 0, 0, 0, 0))
    cell = lambda row, column: struct.pack("<HHH", row, column, 0)
    formula = lambda row, column, tokens: biff(6, cell(row, column) + bytes(8) + struct.pack("<HIH", 0, 0, len(tokens)) + tokens)
    sst = biff(0xfc, struct.pack("<II", 2, 2) + struct.pack("<HB", 5, 0) + b"http:" + struct.pack("<HB", 15, 0) + b"//ex") + biff(0x3c, b"\0ample.com/a")
    macros = bof(0x40)
    macros += formula(0, 0, texts(["ca", 108, "c"]) + b"\x42\1\x6e\0") + biff(0x207, struct.pack("<HB", 2, 0) + b"33")
    macros += formula(1, 0, b"\x17" + short("Kernel32") + b"\x17" + short("Sleep") + b"\x17" + short("JJ") + b"\x1e\1\0\x42\4\x96\0")
    macros += formula(2, 0, b"\x5a\0\0\1\0\2\0\x42\1\x11\x80") + formula(3, 0, b"\x42\0\x36\0")
    macros += biff(0xfd, cell(4, 1) + struct.pack("<I", 1)) + biff(0x203, cell(5, 0) + struct.pack("<d", 99.5)) + biff(0x27e, cell(6, 0) + struct.pack("<I", 104 << 2 | 2))
    macros += biff(0xbd, struct.pack("<HH", 7, 0) + struct.pack("<HIHI", 0, 105 << 2 | 2, 0, 106 << 2 | 2) + struct.pack("<H", 1)) + formula(8, 0, b"\x1e\1\0\xff\xff") + biff(10, b"")
    cells = bof(0x10) + biff(0xfd, cell(0, 0) + struct.pack("<I", 0)) + biff(10, b"")
    def globals(places):
        out = bof(5) + (biff(0x2f, struct.pack("<HHH", 1, 1, 1) + bytes(48)) if encrypted else b"")
        out += biff(0x85, struct.pack("<IBB", places[0], 2, 0 if disguised else 1) + short("Macro1")) + biff(0x85, struct.pack("<IBB", places[1], 0, 0) + short("Sheet1"))
        out += biff(0x1ae, struct.pack("<HH", 2, 0x401)) + biff(0x1ae, struct.pack("<HHB", 0, 11, 0) + b"cmd\3/c none") + biff(0x17, struct.pack("<HHhh", 1, 0, 0, 0))
        auto = b"\x3a\0\0\0\0\0\0"
        out += biff(0x18, struct.pack("<HBBHHHBBBB", 0x21, 0, 1, len(auto), 0, 1, 0, 0, 0, 0) + b"\0\1" + auto)
        return out + sst + biff(10, b"")
    size = len(globals([0, 0]))
    return globals([size, size + len(macros)]) + macros + cells
if __name__=='__main__':
    (OUT / "xlm.xls").write_bytes(cfb({"Workbook": workbook(), "\5SummaryInformation": b"x" * 50}))
    (OUT / "xlm-disguised.xls").write_bytes(cfb({"Workbook": workbook(disguised=True)}))
    (OUT / "xlm-encrypted.xls").write_bytes(cfb({"Workbook": workbook(encrypted=True)}))
    (OUT / "xlm-cut.xls").write_bytes(cfb({"Workbook": workbook()[:450]}))
    (OUT / "macros.doc").write_bytes(doc())
    (OUT / "cut.doc").write_bytes(doc()[:7000])
    (OUT / "macros.xls").write_bytes(cfb({'Workbook':b'\x09\x08\x10\0\0\x06\x05\0'+b'\0'*5000,'_VBA_PROJECT_CUR':{'VBA':{'dir':compress(vbadir(['ThisDocument','Module1'],33)),'_VBA_PROJECT':b'\xcc\x61\xff\xff\0\0\0','ThisDocument':b'x'*33+compress(M1),'Module1':b'x'*33+compress(M2)},'PROJECT':PROJ}}))

    import struct, zlib
    text = b"A file in a document, which does nothing.\r\n" * 2
    def package(label, path, data):
        command = path.encode() + b"\0"
        body = struct.pack("<H", 2) + label.encode() + b"\0" + path.encode() + b"\0" + struct.pack("<HHI", 0, 3, len(command)) + command
        body += struct.pack("<I", len(data)) + data
        for value in (path, label, path):
            body += struct.pack("<I", len(value)) + value.encode("utf-16-le")
        return struct.pack("<I", len(body)) + body
    word = b"\xec\xa5\xc1\0" + b"\0" * 1500
    native = package("note.txt", "C:\\a\\note.txt", text)
    moniker = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b")
    address = "http://example.com/a.hta\0".encode("utf-16-le")
    (OUT / "objects.doc").write_bytes(cfb({
        "WordDocument": word + b"\x13 DDEAUTO c:\\\\x.exe nothing\x14x\x15" + "\x13 INCLUDEPICTURE \"http://example.com/a.png\" \x15".encode("utf-16-le"),
        "ObjectPool": {
            "_1": {"\1Ole10Native": native, "\1CompObj": b"\1\0\xfe\xff" + b"\0" * 40},
            "_2": {"\1oLE10nAtiVE": struct.pack("<I", 200) + b"BM not a package" + b"." * 184},
            "_3": {"\1Ole": b"\1\0\0\2\1" + b"\0" * 11 + moniker + struct.pack("<I", len(address)) + address},
            "_4": {"\1Ole10Native": native[:120]},
            "_5": {"Package": b"PK\5\6" + b"\0" * 18},
            "_6": {"WordDocument": b"\xec\xa5\xc1\0\0\0\0\0\0\0\0\1" + b"\0" * 100},
        }}))
    def record(kind, body, version=0):
        return struct.pack("<HHI", version, kind, len(body)) + body
    inner = cfb({"VBA": {"dir": compress(vbadir(["Module1"], 0)), "Module1": compress(M1)}})
    files = record(0x1011, struct.pack("<I", len(inner)) + zlib.compress(inner), 0x10) + record(0x1011, inner) + record(0x1011, b"\0\0\0\0broken", 0x10)
    (OUT / "files.ppt").write_bytes(cfb({"PowerPoint Document": record(1000, record(4085, b"atom") + files, 15), "Current User": b"x" * 20}))
    (OUT / "stomped.doc").write_bytes(cfb({"WordDocument": word, "Macros": {"VBA": {
        "dir": compress(vbadir(["ThisDocument", "Module1"], 2100)), "_VBA_PROJECT": b"\xcc\x61\xff\xff\0\0\0",
        "ThisDocument": b"p" * 2100 + compress(b'Attribute VB_Name = "ThisDocument"\r\n'), "Module1": b"p" * 2100}}}))
    (OUT / "lost.doc").write_bytes(cfb({"WordDocument": word, "Macros": {"Other": {"ThisDocument": b"p" * 99 + compress(M1), "Module1": b"\1" + struct.pack("<H", 0x3fff) + M2[:4096].ljust(4096, b" ")}}}))
    (OUT / "wrong-offset.doc").write_bytes(cfb({"WordDocument": word, "Macros": {"VBA": {"dir": compress(vbadir(["Module1"], 7)), "Module1": b"p" * 99 + compress(M1)}}}))
    (OUT / "damaged-dir.doc").write_bytes(cfb({"WordDocument": word, "Macros": {"VBA": {"dir": compress(vbadir(["Module1"], 0))[:40], "Module1": compress(M1)}}}))
    whole = bytearray(cfb({"Data": bytes(range(256)) * 24, "Other": b"small"}))
    broken = bytearray(whole)
    table = 512 + 512 * struct.unpack_from("<I", whole, 76)[0]
    struct.pack_into("<I", broken, table + 8, 0xfffffffe)
    (OUT / "broken-chain.doc").write_bytes(broken)
    moved = bytearray(whole)
    struct.pack_into("<I", moved, 48, 1)
    (OUT / "directory-elsewhere.doc").write_bytes(moved)
    unused = bytearray(whole)
    first = unused.find(b"D\0a\0t\0a\0")
    unused[first + 120:first + 124] = struct.pack("<I", 4096)
    struct.pack_into("<I", unused, table + 7 * 4, 0xfffffffe)
    for sector in range(8, 12):
        struct.pack_into("<I", unused, table + sector * 4, 0xffffffff)
    (OUT / "unused.doc").write_bytes(bytes(unused) + b"behind all sectors" * 40)
