"""Spoiling bytes in the ways that break readers (pure, decided by the given `Random`)."""

from random import Random

LARGEST = 400_000
_TOKENS = (
    *(b"\x00", b"\r", b"\r\n", b"\n\n", b"\xff\xfe", b"\xef\xbb\xbf", b"--", b"--==b--", b"="),
    *(b"=?utf-8?q?", b"?=", b'"', b"<", b">", b"<!DOCTYPE a [", b"]]>", b"&#0;", b"&amp;", b"%00"),
    *(b"&#xD800;", b"&#31;", b"&#XFFFF;"),
    *(b"Content-Type: multipart/mixed; boundary=\r\n", b"Content-Transfer-Encoding: base64\r\n"),
    *(b"Final-Recipient: rfc822; a@b.test\r\n", b"Action: failed\r\n", b"Status: 9.9.9\r\n"),
    *(
        b"Content-Type: message/rfc822\r\n\r\n",
        b'{"a":',
        b"[",
        b"]}",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
    ),
)


def spoiled(random: Random, seeds: list[bytes]) -> bytes:
    """One of the seeds after a few accidents, at most `LARGEST` bytes."""
    data = random.choice(seeds)
    for _ in range(random.randint(1, 6)):
        data = random.choice(_ACTS)(random, data, seeds)[:LARGEST]
    return data


def _flip(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randint(1, 20)):
        if spoiled:
            spoiled[random.randrange(len(spoiled))] = random.randrange(256)
    return bytes(spoiled)


def _insert(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_TOKENS) * random.choice((1, 1, 2, 50, 3000)) + data[at:]


def _cut(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    start, end = sorted(random.randint(0, len(data)) for _ in range(2))
    return data[:start] + data[end:]


def _repeat(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    start = random.randint(0, len(data))
    run = data[start : start + random.choice((1, 5, 80, 2000))]
    return data[:start] + run * random.choice((2, 30, 2000)) + data[start:]


def _splice(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    other = random.choice(seeds)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _line_ends(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(
        b"\n", random.choice((b"\r", b"\r\n", b"\n\r", b" "))
    )


def _swap_lines(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    lines = data.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


_ACTS = (_flip, _insert, _cut, _repeat, _splice, _line_ends, _swap_lines)
