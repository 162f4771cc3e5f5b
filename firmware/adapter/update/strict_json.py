"""JSON read where it lies: strict, without building a tree, and canonical straight into a hash.

- One pass checks every byte (RFC 8259) and writes a tape: where each value starts, and where it stops, or for an
  object or array the entry behind all that is in it. 4 bytes in all (more for a text beyond 64 KiB, which only the
  command reads). Values become Python objects only where they are asked for.
- Stricter than RFC 8259: no duplicate keys, no fractions, exponents or `-0`, no lone surrogates, at most
  MAX_DIGITS digits, MAX_DEPTH levels and MAX_BYTES bytes.
- Its time grows with the bytes, whatever is in them: anybody on the way may have written them.
- `canonical` gives what was signed (OLPC canonical JSON, as securesystemslib writes it): keys sorted, no
  space, only `"` and backslash escaped. A string without escapes goes out as it lies in the file.
"""

from array import array
from heapq import heapify, heappop

from adapter.update.errors import MismatchError

MAX_BYTES = 8_388_608  # every file has a smaller bound of its own
_NARROW = 65_535
MAX_DEPTH = 16
MAX_DIGITS = 15
_SHOWN_BYTES = 20  # of what is wrong

_SPACE = b" \t\n\r"
_CONTAINERS = b"{["
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_LITERALS = {0x74: b"true", 0x66: b"false", 0x6E: b"null"}
_ESCAPES = {0x22: b'"', 0x5C: b"\\", 0x2F: b"/", 0x62: b"\b", 0x66: b"\f", 0x6E: b"\n", 0x72: b"\r", 0x74: b"\t"}
_QUOTE, _BACKSLASH, _OBJECT, _ARRAY, _COMMA, _COLON, _MINUS = 0x22, 0x5C, 0x7B, 0x5B, 0x2C, 0x3A, 0x2D


def parse(data):
    """The Value that `data` (bytes) holds; MismatchError if it is not strict JSON."""
    if not 0 < len(data) <= MAX_BYTES:
        raise MismatchError("JSON of 1 to %d bytes is read, got %d" % (MAX_BYTES, len(data)))
    scanner = _Scanner(data)
    stop = scanner.space(scanner.value(scanner.space(0), 0))
    if stop != len(data):
        raise MismatchError("%d bytes after the JSON's end" % (len(data) - stop))
    return Value(data, scanner.tape, 0)


class Value:
    """One JSON value; asking it for another kind than it has raises MismatchError."""

    __slots__ = ("_data", "_index", "_tape")

    def __init__(self, data, tape, index):
        self._data = data
        self._tape = tape
        self._index = index

    def __getitem__(self, key):
        """The member `key` of an object; MismatchError if it is missing."""
        found = self.get(key)
        if found is None:
            raise MismatchError("metadata lacks %r" % key)
        return found

    def get(self, key):
        """The member `key` of an object, or None."""
        for name, value in self.members():
            if name == key:
                return value
        return None

    def members(self):
        """Yields (key, Value) of an object."""
        self._expect(_OBJECT, "an object")
        index = self._index + 1
        last = self._behind(self._index)
        while index < last:
            yield self._at(index).text(), self._at(index + 1)
            index = self._behind(index + 1)

    def elements(self):
        """Yields the Values of an array."""
        self._expect(_ARRAY, "an array")
        index = self._index + 1
        last = self._behind(self._index)
        while index < last:
            yield self._at(index)
            index = self._behind(index)

    def text(self):
        """The string."""
        self._expect(_QUOTE, "a string")
        raw = self._raw()
        return _unescape(raw[1:-1]).decode()

    def number(self):
        """The integer."""
        raw = self._raw()
        if raw[0] != _MINUS and raw[0] not in _DIGITS:
            raise MismatchError("a number is wanted, got %r" % raw[:_SHOWN_BYTES])
        return int(raw)

    def flag(self):
        """The boolean."""
        raw = self._raw()
        if raw not in (b"true", b"false"):
            raise MismatchError("true or false is wanted, got %r" % raw[:_SHOWN_BYTES])
        return raw == b"true"

    @property
    def is_null(self):
        """True for null."""
        return self._raw() == b"null"

    def canonical(self, update):
        """Calls `update` with the canonical form, piece by piece."""
        first = self._data[self._tape[2 * self._index]]
        if first == _OBJECT:
            self._canonical_object(update)
        elif first == _ARRAY:
            before = b"["
            for value in self.elements():
                update(before)
                value.canonical(update)
                before = b","
            update(b"[]" if before == b"[" else b"]")
        else:
            update(_canonical_scalar(self._raw()))

    def _canonical_object(self, update):
        members = [(name.encode(), value._index) for name, value in self.members()]
        before = b"{"
        for name, index in _ascending(members):
            update(before)
            update(_quoted(name))
            update(b":")
            self._at(index).canonical(update)
            before = b","
        update(b"{}" if before == b"{" else b"}")

    def _at(self, index):
        return Value(self._data, self._tape, index)

    def _behind(self, index):
        """The entry behind that value and all that is in it."""
        is_container = self._data[self._tape[2 * index]] in _CONTAINERS
        return self._tape[2 * index + 1] if is_container else index + 1

    def _raw(self):
        """The bytes of a scalar; of an object or array its beginning, for messages."""
        start, stop = self._tape[2 * self._index], self._tape[2 * self._index + 1]
        return self._data[start : start + _SHOWN_BYTES if self._data[start] in _CONTAINERS else stop]

    def _expect(self, first, what):
        if self._data[self._tape[2 * self._index]] != first:
            raise MismatchError("%s is wanted, got %r" % (what, self._raw()[:_SHOWN_BYTES]))


def _ascending(items):
    """Empties the list in order; this runtime's own sort takes quadratic time for one that is in order already."""
    heapify(items)
    while items:
        yield heappop(items)


def _canonical_scalar(raw):
    if raw[0] != _QUOTE or b"\\" not in raw:
        return raw
    return _quoted(_unescape(raw[1:-1]))


def _quoted(text):
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class _Scanner:
    """Checks `data` and writes the tape."""

    def __init__(self, data):
        # Grown entry by entry it would be copied over and over, and lie in the heap twice. So it is made as long as it
        # can get: a mark stands before each value but the first, and a value with what ends it has two bytes, but for
        # those that are open.
        marks = sum([data.count(mark) for mark in (b",", b":", b"[", b"{")])
        most = 2 * (1 + min(marks, len(data) // 2 + MAX_DEPTH))
        # Of a range, for an array of zeros would need as many bytes beside it.
        self.tape = array("H", range(most)) if max(len(data), most) <= _NARROW else [0] * most
        self._entries = 0
        self._data = data
        self._size = len(data)

    def space(self, at):
        """The first byte at or after `at` that is no white space."""
        while at < self._size and self._data[at] in _SPACE:
            at += 1
        return at

    def value(self, at, depth):
        """Where the value at `at` ends."""
        first = self._byte(at)
        if first == _QUOTE:
            return self._entry(at, self._string_stop(at))
        if first == _OBJECT or first == _ARRAY:
            if depth == MAX_DEPTH:
                raise MismatchError("JSON is nested more than %d deep" % MAX_DEPTH)
            place = 2 * self._entries + 1
            self._entry(at, 0)
            stop = self._object(at + 1, depth + 1) if first == _OBJECT else self._array(at + 1, depth + 1)
            self.tape[place] = self._entries
            return stop
        if first in _LITERALS:
            word = _LITERALS[first]
            if self._data[at : at + len(word)] != word:
                raise MismatchError("no JSON value at byte %d" % at)
            return self._entry(at, at + len(word))
        return self._entry(at, self._number_stop(at))

    def _object(self, at, depth):
        names = []
        at = self.space(at)
        if self._byte(at) != 0x7D:
            while True:
                at = self.space(self._key(at, names))
                if self._byte(at) != _COLON:
                    raise MismatchError("a colon is wanted at byte %d" % at)
                at, more = self._after(self.value(self.space(at + 1), depth), 0x7D)
                if not more:
                    break
        before = None
        for name in _ascending(names):
            if name == before:
                raise MismatchError("key %r stands twice in one object" % name)
            before = name
        return at + 1

    def _key(self, at, names):
        if self._byte(at) != _QUOTE:
            raise MismatchError("a key is wanted at byte %d" % at)
        stop = self._entry(at, self._string_stop(at))
        names.append(_unescape(self._data[at + 1 : stop - 1]))
        return stop

    def _array(self, at, depth):
        at = self.space(at)
        if self._byte(at) != 0x5D:
            while True:
                at, more = self._after(self.value(at, depth), 0x5D)
                if not more:
                    break
        return at + 1

    def _after(self, at, closing):
        """What follows an element: (start of the next one, True), or (the closing byte, False)."""
        at = self.space(at)
        found = self._byte(at)
        if found == closing:
            return at, False
        if found != _COMMA:
            raise MismatchError("a comma is wanted at byte %d" % at)
        return self.space(at + 1), True

    def _string_stop(self, at):
        stop = at
        while True:
            stop = self._data.find(b'"', stop + 1)
            if stop < 0:
                raise MismatchError("the string at byte %d has no end" % at)
            back = stop
            while self._data[back - 1] == _BACKSLASH:
                back -= 1
            if not (stop - back) & 1:
                break
        if stop > at + 1:
            _check_string(self._data[at + 1 : stop], at)
        return stop + 1

    def _number_stop(self, at):
        start = at
        if self._byte(at) == _MINUS:
            at += 1
        digits = at
        while at < self._size and self._data[at] in _DIGITS:
            at += 1
        count = at - digits
        if not 1 <= count <= MAX_DIGITS:
            raise MismatchError("no JSON value at byte %d, or a number of more than %d digits" % (start, MAX_DIGITS))
        if self._data[digits] == 0x30 and (count > 1 or digits > start):
            raise MismatchError("the number at byte %d starts with a zero" % start)
        return at

    def _entry(self, start, stop):
        at = 2 * self._entries
        self.tape[at] = start
        self.tape[at + 1] = stop
        self._entries += 1
        return stop

    def _byte(self, at):
        if at >= self._size:
            raise MismatchError("JSON is cut off at byte %d" % at)
        return self._data[at]


def _check_string(raw, at):
    if min(raw) < 0x20:
        raise MismatchError("a control character in the string at byte %d" % at)
    if max(raw) > 0x7F:
        _check_utf8(raw, at)
    _unescape(raw)


def _check_utf8(raw, at):
    """Shortest form only, no surrogates (RFC 3629 4); this runtime's own check lets them pass."""
    place = 0
    while place < len(raw):
        first = raw[place]
        size = 1 if first < 0x80 else 2 if 0xC2 <= first < 0xE0 else 3 if first < 0xF0 else 4
        code = first & (0xFF >> (size + 1)) if size > 1 else first
        for byte in raw[place + 1 : place + size]:
            code = code << 6 | byte & 0x3F if byte & 0xC0 == 0x80 else -1
            if code < 0:
                break
        lowest = (0, 0, 0x80, 0x800, 0x10000)[size]
        bad = code < lowest or code > 0x10FFFF or 0xD800 <= code < 0xE000 or place + size > len(raw)
        if bad or 0x80 <= first < 0xC2 or first > 0xF4:
            raise MismatchError("no UTF-8 in the string at byte %d" % at)
        place += size


def _unescape(raw):
    """The string's bytes, in UTF-8, between its quotes."""
    at = raw.find(b"\\")
    if at < 0:
        return raw
    out = bytearray(raw)  # no escape is shorter than what it stands for
    size = at
    while at >= 0:
        kind = raw[at + 1]
        if kind == 0x75:
            code, done = _code_point(raw, at)
            piece = chr(code).encode()
        elif kind in _ESCAPES:
            piece = _ESCAPES[kind]
            done = at + 2
        else:
            raise MismatchError("JSON has no escape %r" % raw[at : at + 2])
        at = raw.find(b"\\", done)
        stop = at if at >= 0 else len(raw)
        for part in (piece, raw[done:stop]):
            out[size : size + len(part)] = part
            size += len(part)
    return bytes(out[:size])


def _code_point(raw, at):
    """The character of a `\\uXXXX`, or of a surrogate pair of them, and where it ends."""
    code = _four_digits(raw, at)
    if not 0xD800 <= code < 0xE000:
        return code, at + 6
    if code < 0xDC00:
        low = _four_digits(raw, at + 6)
        if 0xDC00 <= low < 0xE000:
            return 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00, at + 12
    raise MismatchError("half a surrogate pair: %r" % raw[at : at + 12])


def _four_digits(raw, at):
    digits = raw[at + 2 : at + 6]
    if raw[at : at + 2] != b"\\u" or len(digits) != 4:
        raise MismatchError("a \\u and four digits are wanted, got %r" % raw[at : at + 6])
    for digit in digits:
        if digit not in _HEX:
            raise MismatchError("a \\u and four digits are wanted, got %r" % raw[at : at + 6])
    return int(digits, 16)
