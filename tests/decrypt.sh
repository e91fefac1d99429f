#!/usr/bin/env bash
# Decrypts a message from Shifts to a connector by the documented algorithm with OpenSSL.
#
#     tests/decrypt.sh SECRET < body > plaintext
#
# It shares no code with the emulator, so that messages of the emulator are checked independently.
set -euo pipefail

secret=$1
hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { printf '%b' "$(sed 's/../\\x&/g' <<<"$1")"; }

# The secret's 64 characters are 64 bytes: first the key of the tag, then the key that encrypts keys.
tag_key=$(printf '%s' "${secret:0:32}" | hex)
key_key=$(printf '%s' "${secret:32:32}" | hex)

# The body is a Bond struct: 10 02 (KeyID 1), 2b 0e and a length and the inner struct, 00. The inner one has four fields of bytes.
body=$(hex)
rest=$body
take() { # the next $1 bytes
    taken=${rest:0:$((2 * $1))}
    rest=${rest:$((2 * $1))}
}
expect() {
    take $((${#1} / 2))
    [ "$taken" = "$1" ] || { echo "found $taken, expected $1" >&2; exit 1; }
}
length() { # a number in groups of seven bits, the lowest first
    number=0
    local shift=0
    while :; do
        take 1
        number=$((number | ((0x$taken & 0x7f) << shift)))
        shift=$((shift + 7))
        [ $((0x$taken)) -ge 128 ] || break
    done
}
expect 10022b0e && length
expect 0b0e20 && take 32 && encrypted_key=$taken
expect 2b0e10 && take 16 && iv=$taken
expect 4b0e && length && take "$number" && ciphertext=$taken
expect 6b0e20 && take 32 && tag=$taken
expect 0000

# The tag covers the algorithm's name, the number 1 in four bytes, and the first three fields. It is compared first.
covered=$(printf 'AES-256-CBC-HMAC-SHA256' | hex)01000000$encrypted_key$iv$ciphertext
computed=$(unhex "$covered" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$tag_key" -r | cut -d ' ' -f 1)
[ "$computed" = "$tag" ] || { echo "tag mismatch: wrong secret or altered bytes" >&2; exit 1; }

data_key=$(unhex "$encrypted_key" | openssl enc -d -aes-256-ecb -nopad -K "$key_key" | hex)
unhex "$ciphertext" | openssl enc -d -aes-256-cbc -K "$data_key" -iv "$iv"
