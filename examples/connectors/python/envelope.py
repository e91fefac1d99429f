"""Opens the encrypted messages of Shifts: AES-256-CBC with HMAC-SHA-256, in a Bond envelope. No dependencies.

The standard library has no AES, so it is here, for decryption only. A connector in production takes it from a library such as cryptography.
"""

import hashlib
import hmac
import struct


class Rejected(Exception):
    """The message is not one of Shifts: another key, changed bytes, or no message at all."""


def open_message(body, secret):
    """Returns the plaintext of a message. `secret` has 64 characters, of which the first half is the key of the tag."""
    key = secret.encode("ascii")
    authentication_key, key_encryption_key = key[:32], key[32:]
    encrypted_key, vector, ciphertext, tag = _parts(body)
    associated = b"AES-256-CBC-HMAC-SHA256" + struct.pack("<i", 1)
    expected = hmac.new(authentication_key, associated + encrypted_key + vector + ciphertext, hashlib.sha256).digest()
    # Before anything is decrypted, and in constant time.
    if not hmac.compare_digest(expected, tag):
        raise Rejected("the tag is wrong")
    if len(encrypted_key) != 32 or len(vector) != 16 or not ciphertext or len(ciphertext) % 16:
        raise Rejected("a part has another length")
    unwrap = Aes256(key_encryption_key)
    data_key = unwrap.decrypt(encrypted_key[:16]) + unwrap.decrypt(encrypted_key[16:])
    cipher, plain = Aes256(data_key), bytearray()
    for start in range(0, len(ciphertext), 16):
        block = ciphertext[start : start + 16]
        plain += bytes(left ^ right for left, right in zip(cipher.decrypt(block), vector))
        vector = block
    padding = plain[-1]
    if not 1 <= padding <= 16 or plain[-padding:] != bytes([padding]) * padding:
        raise Rejected("the padding is wrong")
    return bytes(plain[:-padding])


def _parts(body):
    """Returns the four blobs of a message. Each field has one byte for its number and type, and the end of a struct is a zero."""
    # Field 0 is the number of the key as an int32 in zigzag form: 1 is 2.
    if body[:2] != b"\x10\x02":
        raise Rejected("the key is another one, or this is no envelope")
    inner, rest = _blob(body[2:], 0x2B)
    encrypted_key, more = _blob(inner, 0x0B)
    vector, more = _blob(more, 0x2B)
    ciphertext, more = _blob(more, 0x4B)
    tag, more = _blob(more, 0x6B)
    if rest != b"\0" or more != b"\0":
        raise Rejected("the envelope does not end as a struct does")
    return encrypted_key, vector, ciphertext, tag


def _blob(data, field):
    """Returns a blob and what follows it. The length is a LEB128 number."""
    if data[:2] != bytes([field, 0x0E]):
        raise Rejected("the envelope has another form")
    length = shift = 0
    for index in range(2, min(len(data), 7)):
        length |= (data[index] & 0x7F) << shift
        shift += 7
        if data[index] < 0x80:
            start = index + 1
            if start + length > len(data):
                break
            return data[start : start + length], data[start + length :]
    raise Rejected("the envelope is cut off")


def _double(byte):
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


def _times(byte, factor):
    product = 0
    while factor:
        if factor & 1:
            product ^= byte
        byte, factor = _double(byte), factor >> 1
    return product


def _substitutions():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= _double(p)
        q ^= q << 1
        q ^= q << 2
        q = (q ^ q << 4) & 0xFF
        if q & 0x80:
            q ^= 0x09
        turned = q
        for bits in range(1, 5):
            turned ^= (q << bits | q >> (8 - bits)) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            return box


BOX = _substitutions()
INVERSE = bytes(BOX.index(byte) for byte in range(256))
MIX = {factor: bytes(_times(byte, factor) for byte in range(256)) for factor in (9, 11, 13, 14)}
#: Positions before the rows were shifted.
UNSHIFTED = [row + 4 * ((column - row) % 4) for column in range(4) for row in range(4)]


class Aes256:
    """The inverse of the AES block cipher with a key of 32 bytes (FIPS 197, 5.3)."""

    def __init__(self, key):
        words, constant = [list(key[index : index + 4]) for index in range(0, 32, 4)], 1
        for index in range(8, 60):
            word = list(words[-1])
            if index % 8 == 0:
                word = [BOX[byte] for byte in word[1:] + word[:1]]
                word[0] ^= constant
                constant = _double(constant)
            elif index % 8 == 4:
                word = [BOX[byte] for byte in word]
            words.append([left ^ right for left, right in zip(words[index - 8], word)])
        self.keys = [sum(words[index : index + 4], []) for index in range(0, 60, 4)]

    def decrypt(self, block):
        state = [left ^ right for left, right in zip(block, self.keys[14])]
        for number in range(13, -1, -1):
            state = [INVERSE[state[position]] for position in UNSHIFTED]
            state = [left ^ right for left, right in zip(state, self.keys[number])]
            if number:
                state = [byte for start in range(0, 16, 4) for byte in _unmixed(*state[start : start + 4])]
        return bytes(state)


def _unmixed(a, b, c, d):
    nine, eleven, thirteen, fourteen = MIX[9], MIX[11], MIX[13], MIX[14]
    return (
        fourteen[a] ^ eleven[b] ^ thirteen[c] ^ nine[d],
        nine[a] ^ fourteen[b] ^ eleven[c] ^ thirteen[d],
        thirteen[a] ^ nine[b] ^ fourteen[c] ^ eleven[d],
        eleven[a] ^ thirteen[b] ^ nine[c] ^ fourteen[d],
    )
