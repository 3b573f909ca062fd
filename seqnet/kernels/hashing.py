"""Fingerprints of byte strings: FarmHash's Fingerprint64 and SipHash-2-4, the same numbers on every machine.

References: Pike and Alakuijala, FarmHash, 2014 (github.com/google/farmhash, farmhashna::Hash64); Aumasson and
Bernstein, SipHash: a fast short-input PRF, 2012.
"""

from __future__ import annotations

_ALL = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64, which TensorFlow's to_hash_bucket_fast takes modulo the number of buckets."""
    n = len(s)
    if n <= 16:
        return _up_to_16(s, n)
    if n <= 32:
        return _up_to_32(s, n)
    if n <= 64:
        return _up_to_64(s, n)
    return _longer(s, n)


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 under a key of two 64-bit numbers, which TensorFlow's to_hash_bucket_strong takes."""
    k0, k1 = key[0] & _ALL, key[1] & _ALL
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    whole = len(s) // 8 * 8
    words = [_word(s, i) for i in range(0, whole, 8)]
    words.append(int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[int], count: int) -> None:
    a, b, c, d = v
    for _ in range(count):
        a = (a + b) & _ALL
        b = _left(b, 13) ^ a
        a = _left(a, 32)
        c = (c + d) & _ALL
        d = _left(d, 16) ^ c
        a = (a + d) & _ALL
        d = _left(d, 21) ^ a
        c = (c + b) & _ALL
        b = _left(b, 17) ^ c
        c = _left(c, 32)
    v[:] = a, b, c, d


def _left(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _ALL


def _rotate(x: int, by: int) -> int:
    """Rotation to the right, of numbers that may have outgrown 64 bits."""
    x &= _ALL
    return ((x >> by) | (x << (64 - by))) & _ALL


def _word(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _half(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 4], "little")


def _mix(x: int) -> int:
    x &= _ALL
    return x ^ (x >> 47)


def _pair(u: int, v: int, factor: int) -> int:
    """HashLen16: 16 bytes into 8."""
    a = _mix(((u ^ v) & _ALL) * factor)
    return _mix(((v & _ALL) ^ a) * factor) * factor & _ALL


def _up_to_16(s: bytes, n: int) -> int:
    factor = _K2 + 2 * n & _ALL
    if n >= 8:
        a, b = _word(s, 0) + _K2, _word(s, n - 8)
        return _pair(_rotate(b, 37) * factor + a, (_rotate(a, 25) + b) * factor, factor)
    if n >= 4:
        return _pair(n + (_half(s, 0) << 3), _half(s, n - 4), factor)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[n - 1] << 2)
        return _mix((y * _K2 & _ALL) ^ (z * _K0 & _ALL)) * _K2 & _ALL
    return _K2


def _up_to_32(s: bytes, n: int) -> int:
    factor = _K2 + 2 * n & _ALL
    a, b = _word(s, 0) * _K1, _word(s, 8)
    c, d = _word(s, n - 8) * factor, _word(s, n - 16) * _K2
    return _pair(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, factor)


def _up_to_64(s: bytes, n: int) -> int:
    factor = _K2 + 2 * n & _ALL
    a, b = _word(s, 0) * _K2, _word(s, 8)
    c, d = _word(s, n - 8) * factor, _word(s, n - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _pair(y, a + _rotate(b + _K2, 18) + c, factor)
    e, f = _word(s, 16) * factor, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * factor, (z + _word(s, n - 24)) * factor
    return _pair(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """WeakHashLen32WithSeeds: 32 bytes and two seeds into two numbers."""
    w, x, y, z = (_word(s, at + i) for i in (0, 8, 16, 24))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return (a + z) & _ALL, (b + c) & _ALL


def _longer(s: bytes, n: int) -> int:
    x, y = 81, 81 * _K1 + 113
    z = _mix(y * _K2 + 113) * _K2
    v = w = (0, 0)
    x = x * _K2 + _word(s, 0)
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x, y, z, v, w = _block(s, at, x, y, z, v, w, _K1, 1)
    factor = (_K1 + ((z & 0xFF) << 1)) & _ALL
    first = w[0] + ((n - 1) & 63)
    v = v[0] + first, v[1]
    w = first + v[0], w[1]
    x, y, z, v, w = _block(s, n - 64, x, y, z, v, w, factor, 9)
    left = _pair(v[0], w[0], factor) + _mix(y) * _K0 + z
    return _pair(left, _pair(v[1], w[1], factor) + x, factor)


_Two = tuple[int, int]


def _block(
    s: bytes, at: int, x: int, y: int, z: int, v: _Two, w: _Two, factor: int, times: int
) -> tuple[int, int, int, _Two, _Two]:
    """64 bytes into the state of a long string; z and x come back exchanged."""
    x = _rotate(x + y + v[0] + _word(s, at + 8), 37) * factor & _ALL
    y = _rotate(y + v[1] + _word(s, at + 48), 42) * factor & _ALL
    x ^= w[1] * times & _ALL
    y += v[0] * times + _word(s, at + 40)
    z = _rotate(z + w[0], 33) * factor & _ALL
    v = _weak(s, at, v[1] * factor, x + w[0])
    w = _weak(s, at + 32, z + w[1], y + _word(s, at + 16))
    return z & _ALL, y & _ALL, x & _ALL, v, w
