"""Texts of others without anything that would work as a token of ours. Pure."""

import re

_SOFT_BREAK = re.compile(r"=\r?\n")
_RUN = re.compile(r"(?:[A-Za-z0-9_-](?:=\r?\n)?){30,}")
_BASE32 = re.compile(r"[A-Za-z2-7]{30,}")


def hidden(text: str) -> str:
    """A text without anything that would work as a token: each is cut short.

    For what others send back to us. Also where quoted-printable broke a token over two lines.
    """
    return _RUN.sub(_cut, text)


def _cut(found: re.Match[str]) -> str:
    run = _SOFT_BREAK.sub("", found[0])
    mixed = any(map(str.isalpha, run)) and any(map(str.isdigit, run))
    return f"{run[:6]}…" if mixed or _BASE32.fullmatch(run) else found[0]
