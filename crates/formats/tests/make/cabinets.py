#!/usr/bin/env python3
"""Cabinets with LZX and Quantum folders, and nasty ones, as no free tool writes them: cabinets.py FOLDER.

The encoders are ours and simple. `cabextract -t` and `7z t` read what they write (7z the LZX ones and quantum.cab).
"""
import os, struct, sys

FRAME = 32768


def text(lines):
    return b"".join(b"line %d of a text that repeats itself\n" % (n * n) for n in range(lines))


def calls(size, seed=7):
    out = bytearray()
    while len(out) < size:
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        out += b"\xe8" + struct.pack("<i", (seed >> 8) % 5000 - len(out) % 3000) + b"\x90\x90code"
    return bytes(out[:size])


def canonical(lengths):
    codes, code, last = {}, 0, 0
    for length, symbol in sorted((l, s) for s, l in enumerate(lengths) if l):
        code <<= length - last
        codes[symbol], last = (code, length), length
        code += 1
    return codes


class Lzx:
    """Verbatim, aligned and stored blocks with fixed codes."""

    def __init__(self, data, window, blocks, call_size=0, wim=False):
        self.slots = {20: 42, 21: 50}.get(window, window * 2)
        self.out, self.acc, self.count, self.frames = bytearray(), 0, 0, []
        matches = self.slots * 8
        # A complete code: 256 letters of 9 bits are one half, the matches the other.
        x, bits = None, 9
        while matches > 1 << bits - 1:
            bits += 1
        x = (1 << bits - 1) - matches
        letters = 9
        self.main = [letters] * 256 + [bits - 1] * x + [bits] * (matches - x)
        self.length = [7] * 7 + [8] * 242
        self.old = ([0] * len(self.main), [0] * 249)
        self.maincodes, self.lengthcodes = canonical(self.main), canonical(self.length)
        if call_size:
            data = b"".join(self.translate(data[at:at + FRAME], at, call_size) for at in range(0, len(data), FRAME))
        if not wim:
            self.put(1 if call_size else 0, 1)
            if call_size:
                self.put(call_size >> 16, 16)
                self.put(call_size & 0xffff, 16)
        self.wim = wim
        self.encode(data, (1 << window) - 3, blocks)

    @staticmethod
    def translate(frame, offset, size):
        frame, at = bytearray(frame), 0
        while at < len(frame) - 10:
            if frame[at] != 0xe8:
                at += 1
                continue
            here, (relative,) = offset + at, struct.unpack_from("<i", frame, at + 1)
            if -here <= relative < size - here:
                struct.pack_into("<i", frame, at + 1, relative + here)
            elif size - here <= relative < size:
                struct.pack_into("<i", frame, at + 1, relative - size)
            at += 5
        return bytes(frame)

    def put(self, value, bits):
        for bit in range(bits - 1, -1, -1):
            self.acc, self.count = self.acc << 1 | value >> bit & 1, self.count + 1
            if self.count == 16:
                self.out += struct.pack("<H", self.acc)
                self.acc = self.count = 0

    def align(self):
        if self.count:
            self.put(0, 16 - self.count)

    def tree(self, new, old):
        deltas = [(o - n) % 17 for n, o in zip(new, old)]
        used = sorted(set(deltas))
        if len(used) == 1:
            used.append((used[0] + 1) % 17)
        lengths = [0] * 20
        for symbol in used:
            lengths[symbol] = 1 if len(used) == 2 else 2
        if len(used) == 3:
            lengths[used[0]] = 1
        for length in lengths:
            self.put(length, 4)
        codes = canonical(lengths)
        for delta in deltas:
            self.put(*codes[delta])

    def encode(self, data, reach, blocks):
        at, block, left, recent, seen, kind = 0, 0, 0, [1, 1, 1], {}, None
        while at < len(data):
            if left == 0:
                if kind == "stored" and size % 2:
                    self.out += b"\0"
                kind, size = blocks[min(block, len(blocks) - 1)]
                size = left = min(size or len(data), len(data) - at)
                block += 1
                self.put({"verbatim": 1, "aligned": 2, "stored": 3}[kind], 3)
                if not self.wim:
                    self.put(size >> 8, 16)
                    self.put(size & 255, 8)
                elif size == FRAME:
                    self.put(1, 1)
                else:
                    self.put(size, 17)
                if kind == "stored":
                    self.put(0, 16 - self.count)
                    self.out += struct.pack("<III", *recent)
                else:
                    if kind == "aligned":
                        for _ in range(8):
                            self.put(3, 3)
                    self.tree(self.main[:256], self.old[0][:256])
                    self.tree(self.main[256:], self.old[0][256:])
                    self.tree(self.length, self.old[1])
                    self.old = (self.main, self.length)
            frame_left = FRAME - at % FRAME
            most = min(left, frame_left, 257)
            if kind == "stored":
                step = min(left, frame_left)
                self.out += data[at:at + step]
            else:
                step = self.token(data, at, most, reach, recent, seen, kind)
            for place in range(at, at + step):
                seen[data[place:place + 4]] = place
            at, left = at + step, left - step
            if at % FRAME == 0 or at == len(data):
                if kind != "stored":
                    self.align()
                self.frames.append((bytes(self.out), (at - 1) % FRAME + 1))
                self.out = bytearray()

    def token(self, data, at, most, reach, recent, seen, kind):
        place = seen.get(data[at:at + 4], -1)
        size = 0
        if 0 <= place and at - place <= reach:
            while size < most and data[place + size] == data[at + size]:
                size += 1
        if size < 4:
            self.put(*self.maincodes[data[at]])
            return 1
        distance = at - place
        if distance in recent:
            slot = recent.index(distance)
            recent[0], recent[slot] = recent[slot], recent[0]
            extra, rest = 0, 0
        else:
            recent[:] = [distance, recent[0], recent[1]]
            formatted, slot, base = distance + 2, 0, 0
            bits = lambda s: 0 if s < 4 else min(s // 2 - 1, 17)
            while base + (1 << bits(slot)) <= formatted:
                base += 1 << bits(slot)
                slot += 1
            extra, rest = bits(slot), formatted - base
        self.put(*self.maincodes[256 + slot * 8 + min(size - 2, 7)])
        if size >= 9:
            self.put(*self.lengthcodes[size - 9])
        if kind == "aligned" and extra >= 3:
            self.put(rest >> 3, extra - 3)
            self.put(rest & 7, 3)
        else:
            self.put(rest, extra)
        return size


class Model:
    def __init__(self, first, count):
        self.entries, self.halvings = [[first + n, count - n] for n in range(count)], 4

    def add(self, place):
        entries = self.entries
        for entry in entries[:place + 1]:
            entry[1] += 8
        if entries[0][1] <= 3800:
            return
        self.halvings -= 1
        sums = [entry[1] for entry in entries] + [0]
        if self.halvings:
            behind = 0
            for entry in reversed(entries):
                behind = entry[1] = max(entry[1] >> 1, behind + 1)
            return
        self.halvings = 50
        for n, entry in enumerate(entries):
            entry[1] = sums[n] - sums[n + 1] + 1 >> 1
        for a in range(len(entries)):
            for b in range(a + 1, len(entries)):
                if entries[a][1] < entries[b][1]:
                    entries[a], entries[b] = entries[b], entries[a]
        behind = 0
        for entry in reversed(entries):
            entry[1] += behind
            behind = entry[1]


class Quantum:
    def __init__(self, data, window):
        self.selector, self.letters = Model(0, 7), [Model(n, 64) for n in (0, 64, 128, 192)]
        self.positions = [Model(0, min(window * 2, n)) for n in (24, 36, 42)]
        self.lengths, self.frames, seen = Model(0, 27), [], {}
        for start in range(0, len(data), FRAME):
            self.low, self.high, self.held, self.bits, self.plain, self.shifts = 0, 0xffff, 0, [], [], 0
            end = at = start
            end = min(start + FRAME, len(data))
            while at < end:
                step = self.token(data, at, min(end - at, 258), (1 << window) - 1, seen)
                for place in range(at, at + step):
                    seen[data[place:place + 3]] = place
                at += step
            self.frames.append((self.finish(), end - start))

    def emit(self, bit):
        self.bits += [bit] + [1 - bit] * self.held
        self.held = 0

    def symbol(self, model, wanted):
        place = [entry[0] for entry in model.entries].index(wanted)
        total, span = model.entries[0][1], self.high - self.low + 1
        below = model.entries[place + 1][1] if place + 1 < len(model.entries) else 0
        self.high = self.low + model.entries[place][1] * span // total - 1
        self.low += below * span // total
        model.add(place)
        while True:
            if (self.low ^ self.high) & 0x8000 == 0:
                self.emit(self.low >> 15)
            elif self.low & 0x4000 and not self.high & 0x4000:
                self.held, self.low, self.high = self.held + 1, self.low & 0x3fff, self.high | 0x4000
            else:
                return
            self.low, self.high = self.low << 1 & 0xffff, (self.high << 1 | 1) & 0xffff
            self.shifts += 1

    def raw(self, value, bits):
        self.plain.append((16 + self.shifts, [value >> n & 1 for n in range(bits - 1, -1, -1)]))

    def slot(self, model, value):
        slot, base, bits = 0, 0, lambda s: max(s // 2 - 1, 0)
        while base + (1 << bits(slot)) <= value:
            base += 1 << bits(slot)
            slot += 1
        self.symbol(model, slot)
        self.raw(value - base, bits(slot))

    def token(self, data, at, most, reach, seen):
        place, size = seen.get(data[at:at + 3], -1), 0
        if 0 <= place and at - place <= reach:
            while size < most and data[place + size] == data[at + size]:
                size += 1
        distance = at - place - 1
        if size < 3 or size == 3 and distance >= 4096 or size == 4 and distance >= 1 << 18:
            self.symbol(self.selector, data[at] >> 6)
            self.symbol(self.letters[data[at] >> 6], data[at])
            return 1
        if size < 5:
            self.symbol(self.selector, size + 1)
            self.slot(self.positions[size - 3], distance)
            return size
        self.symbol(self.selector, 6)
        rest, bases, base = size - 5, [], 0
        extra = lambda s: 0 if s < 6 or s == 26 else (s - 2) // 4
        for s in range(27):
            bases.append(base)
            base += 1 << extra(s)
        bases[26] = 254
        chosen = max(s for s in range(27) if bases[s] <= rest)
        self.symbol(self.lengths, chosen)
        self.raw(rest - bases[chosen], extra(chosen))
        self.slot(self.positions[2], distance)
        return size

    def finish(self):
        self.held += 1
        self.emit(self.low >> 14 & 1)
        self.bits += [0] * max(0, 16 + self.shifts - len(self.bits))
        stream, done = [], 0
        for place, bits in self.plain:
            stream += self.bits[done:place] + bits
            done = place
        stream += self.bits[done:16 + self.shifts]
        stream += [0] * (-len(stream) % 8)
        return bytes(int("".join(map(str, stream[n:n + 8])), 2) for n in range(0, len(stream), 8))


def checksum(data, seed=0):
    whole = len(data) & ~3
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        seed ^= word
    rest = 0
    for byte in data[whole:]:
        rest = rest << 8 | byte
    return seed ^ rest


def stored(data):
    return [(data[at:at + FRAME], len(data[at:at + FRAME])) for at in range(0, len(data), FRAME)]


def cabinet(folders, members, area=b"", per_folder=b"", per_block=b"", hole=b"", next_cabinet=False):
    """Folders are (method, frames), members are (name, folder, start, size)."""
    reserved = area or per_folder or per_block
    head = struct.pack("<HBB", len(area), len(per_folder), len(per_block)) + area if reserved else b""
    if next_cabinet:
        head += b"next.cab\0disk 2\0"
    files_at = 36 + len(head) + (8 + len(per_folder)) * len(folders) + len(hole)
    files = b"".join(struct.pack("<IIHHHH", size, start, folder, 0x5000, 0, 32) + name.encode() + b"\0"
                     for name, folder, start, size in members)
    at, entries, body = files_at + len(files), b"", b""
    for method, frames in folders:
        entries += struct.pack("<IHH", at + len(body), len(frames), method) + per_folder
        for data, size in frames:
            sizes = struct.pack("<HH", len(data), size)
            body += struct.pack("<I", 0 if per_block else checksum(sizes, checksum(data))) + sizes + per_block + data
    flags = (4 if reserved else 0) | (2 if next_cabinet else 0)
    total = at + len(body)
    return struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, files_at, 0, 3, 1, len(folders), len(members), flags,
                       77, 0) + head + entries + hole + files + body


def main(folder):
    words, code = text(1500), calls(9000)
    data = words + code
    members = [("words.txt", 0, 0, len(words)), ("code.bin", 0, len(words), len(code))]
    blocks = [("verbatim", 40000), ("aligned", 7001), ("stored", 1001), ("verbatim", 0)]
    make = {}
    for window in (15, 18, 21):
        lzx = Lzx(data, window, blocks, call_size=12000000 if window != 18 else 0)
        make["lzx-%d.cab" % window] = cabinet([(3 | window << 8, lzx.frames)], members)
    whole = make["lzx-15.cab"]
    make["lzx-truncated.cab"] = whole[:len(whole) * 2 // 3]
    make["lzx-damaged.cab"] = whole[:len(whole) // 2] + b"\xff" * 40 + whole[len(whole) // 2 + 40:]
    make["lzx-window-22.cab"] = cabinet([(3 | 22 << 8, stored(code))], [("code.bin", 0, 0, len(code))])
    quantum = Quantum(data, 16)
    make["quantum.cab"] = whole = cabinet([(2 | 7 << 4 | 16 << 8, quantum.frames)], members)
    make["quantum-truncated.cab"] = whole[:len(whole) * 2 // 3]
    make["quantum-damaged.cab"] = whole[:len(whole) // 2] + b"\xff" * 40 + whole[len(whole) // 2 + 40:]
    small = b"a small text that nobody reads\n" * 20
    split = [(small[:200], 0)]
    make["continues.cab"] = cabinet([(0, split)], [("half.txt", 0xfffe, 0, len(small))], next_cabinet=True)
    make["overlapping.cab"] = cabinet([(0, stored(small))], [("one", 0, 0, 100), ("two", 0, 50, 100), ("three", 0, 0, 620)])
    make["unclaimed.cab"] = cabinet(
        [(0, stored(small)), (0, stored(b"a folder without members\n"))],
        [("one", 0, 100, 100), ("two", 0, 300, 100)], hole=b"a line between the structures\n")
    make["reserved.cab"] = cabinet([(0, stored(small))], [("one", 0, 0, len(small))], area=b"reserved in the header",
                                   per_folder=b"per folder", per_block=b"per block")
    pieces = [(small[n:n + 200], 200) for n in (0, 200, 400)]
    broken = cabinet([(0, pieces)], [("one", 0, 0, 200), ("two", 0, 200, 200), ("three", 0, 400, 200)])
    at = broken.index(small[200:400], 300)
    make["stored-damaged.cab"] = broken[:at + 9] + b"\xff" * 9 + broken[at + 18:]
    make["stored-truncated.cab"] = broken[:at + 50]
    for name, content in make.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main(sys.argv[1])
