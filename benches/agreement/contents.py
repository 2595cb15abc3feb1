"""What a logical signature asks for, as bytes with the places where they must lie."""

import random
import re

try:
    import re._parser as sre
except ImportError:
    import sre_parse as sre


class NotPlanted(Exception):
    """The signature asks for something that is not made here."""


FILLER = b"~"


def plan(expression, parts):
    """A list of (offset text, bytes) that make the expression true."""
    wanted = wishes(Reader(expression).expression())
    asked = dict(wanted)
    # What triggers a regular expression must be there as well, though nobody else asks for it.
    for number in sorted(asked, reverse=True):
        if "/" in parts[number] and asked[number]:
            trigger = parts[number].split("/", 1)[0].rsplit(":", 1)[-1]
            for other, count in wishes(Reader(trigger).expression()).items():
                asked[other] = max(asked.get(other, 0), count)
    pieces = []
    for number, count in asked.items():
        for _ in range(count):
            pieces.append(piece(parts[number]))
    return pieces


class Reader:
    """Expressions: split at the first operator outside brackets, what is right of it is read the same way."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return self.text[self.at : self.at + 1]

    def take(self):
        self.at += 1
        return self.text[self.at - 1]

    def expression(self):
        left = self.counted()
        if self.peek() in ("&", "|") and self.peek():
            return (self.take(), left, self.expression())
        return left

    def counted(self):
        if self.peek() == "(":
            self.take()
            inner = self.expression()
            self.take()
        else:
            inner = ("pattern", self.number())
        if self.peek() in ("=", "<", ">") and self.peek():
            comparison = self.take()
            if self.peek() == "=":
                self.take()
            number, distinct = self.number(), 0
            if self.peek() == ",":
                self.take()
                distinct = self.number() if self.peek().isdigit() else 0
            return ("count", inner, comparison, number, distinct)
        return inner

    def number(self):
        digits = ""
        while self.peek().isdigit():
            digits += self.take()
        return int(digits)


def members(tree):
    if tree[0] == "pattern":
        return [tree[1]]
    if tree[0] == "count":
        return members(tree[1])
    return members(tree[1]) + members(tree[2])


def wishes(tree):
    """How often each subsignature is to be there."""
    kind = tree[0]
    if kind == "pattern":
        return {tree[1]: 1}
    if kind == "&":
        left, right = wishes(tree[1]), wishes(tree[2])
        return {number: max(left.get(number, 0), right.get(number, 0)) for number in {*left, *right}}
    if kind == "|":
        return wishes(random.choice(tree[1:]))
    _, inner, comparison, number, distinct = tree
    all_members = list(dict.fromkeys(members(inner)))
    if comparison == "=" and number == 0 or comparison == "<":
        return {}
    total = number if comparison == "=" else number + 1
    different = min(max(distinct, 1), len(all_members))
    counts = dict.fromkeys(random.sample(all_members, different), 1)
    first = next(iter(counts))
    counts[first] += max(total - different, 0)
    return counts


def piece(text):
    """The place and the bytes of one subsignature."""
    if text.startswith("$") or text.startswith("fuzzy_img#"):
        raise NotPlanted("a macro or a picture")
    if "/" in text:
        before, _, rest = text.partition("/")
        expression, _, flags = rest.rpartition("/")
        return (before.rpartition(":")[0] or "*", regex(expression, flags))
    if "(" in text and text.count("#") == 2:
        raise NotPlanted("a byte comparison")
    modifiers = text.rpartition("::")[2] if "::" in text else ""
    text = text.split("::")[0]
    place, _, digits = text.rpartition(":")
    return (place or "*", content(digits, modifiers))


def content(digits, modifiers=""):
    """Bytes that a pattern in hexadecimal matches."""
    out = bytearray()

    def put(byte):
        if "i" in modifiers and random.random() < 0.5 and chr(byte).isascii() and chr(byte).isalpha():
            byte ^= 0x20
        out.append(byte)
        if "w" in modifiers and "a" not in modifiers:
            out.append(0)

    at = 0
    while at < len(digits):
        letter = digits[at]
        if letter == "*":
            out += FILLER * random.randrange(0, 9)
            at += 1
        elif letter == "{" or letter == "[":
            end = digits.index("}" if letter == "{" else "]", at)
            low, dash, high = digits[at + 1 : end].partition("-")
            low = int(low or 0)
            high = int(high) if high else (low + 3 if dash else low)
            out += FILLER * random.randint(low, min(high, low + 40))
            at = end + 1
        elif letter in "!(":
            negated = letter == "!"
            at += negated
            end = closing(digits, at)
            out += choice(digits[at + 1 : end], negated)
            at = end + 1
        else:
            pair = digits[at : at + 2]
            put(int("".join(random.choice("0123456789abcdef") if digit == "?" else digit for digit in pair), 16))
            at += 2
    return (FILLER if "f" in modifiers else b"") + bytes(out) + (FILLER if "f" in modifiers else b"")


def closing(digits, at):
    depth = 0
    for place in range(at, len(digits)):
        depth += {"(": 1, ")": -1}.get(digits[place], 0)
        if depth == 0:
            return place
    raise NotPlanted("brackets")


def choice(inner, negated):
    if inner in ("B", "L", "W"):
        # The space is a boundary of words on both sides.
        return b"x" if negated else {"B": b" ", "L": b"\n", "W": b"~"}[inner]
    branches, depth, branch = [], 0, ""
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            branches.append(branch)
            branch = ""
        else:
            branch += letter
    branches.append(branch)
    if not negated:
        return content(random.choice(branches))
    length = len(branches[0]) // 2
    forbidden = {bytes.fromhex(branch) for branch in branches}
    return next(bytes([byte]) * length for byte in range(256) if bytes([byte]) * length not in forbidden)


def regex(expression, flags):
    """Bytes that a regular expression matches."""
    try:
        expression = expression.replace(r"\/", "/").replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
        tree = sre.parse(expression, re.ASCII)
    except Exception as reason:
        raise NotPlanted(f"Python does not read the regular expression") from reason
    groups = {}
    return "".join(generate(tree, groups)).encode("latin-1", "replace")


def generate(tree, groups):
    for kind, value in tree:
        kind = str(kind)
        if kind == "LITERAL":
            yield chr(value)
        elif kind == "NOT_LITERAL":
            yield "x" if value != ord("x") else "y"
        elif kind == "ANY":
            yield "k"
        elif kind == "IN":
            yield member(value)
        elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, inner = value
            count = random.randint(low, min(int(high), low + 2))
            for _ in range(count):
                yield from generate(inner, groups)
        elif kind == "SUBPATTERN":
            groups[value[0]] = "".join(generate(value[-1], groups))
            yield groups[value[0]]
        elif kind == "ATOMIC_GROUP":
            yield from generate(value, groups)
        elif kind == "BRANCH":
            yield from generate(random.choice(value[1]), groups)
        elif kind == "GROUPREF":
            yield groups.get(value, "")
        elif kind in ("AT", "ASSERT_NOT"):
            pass
        elif kind == "ASSERT":
            direction, inner = value
            if direction < 0:
                raise NotPlanted("a regular expression that looks behind")
            # What is looked ahead for must come next; the rest of the expression usually does not mind.
            yield "".join(generate(inner, groups))
        else:
            raise NotPlanted(f"a regular expression with {kind}")


def member(items):
    negated = items and str(items[0][0]) == "NEGATE"
    letters = [chr(number) for number in range(256) if holds(items, number) != bool(negated)]
    ordinary = [letter for letter in letters if letter.isascii() and letter.isalnum()]
    if not letters:
        raise NotPlanted("an empty class")
    return random.choice(ordinary or letters)


def holds(items, number):
    letter = chr(number)
    for kind, value in items:
        kind = str(kind)
        if kind == "LITERAL" and value == number or kind == "RANGE" and value[0] <= number <= value[1]:
            return True
        if kind == "CATEGORY":
            name = str(value)
            inside = {
                "DIGIT": letter.isascii() and letter.isdigit(),
                "WORD": letter.isascii() and (letter.isalnum() or letter == "_"),
                "SPACE": letter in " \t\n\r\f\v",
            }[name.rpartition("_")[2]]
            if inside != ("NOT" in name):
                return True
    return False
