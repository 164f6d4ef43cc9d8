"""The length of a host's label in DNS: in ASCII, other letters as Punycode (RFC 3492)."""

from bisect import bisect

LABEL_CHARS_MAX = 63
_ACE_PREFIX = "xn--"
_BASE, _TMIN, _TMAX, _SKEW, _DAMP, _BIAS = 36, 1, 26, 38, 700, 72


def dns_length(label: str) -> int:
    """The length of a label in its ASCII form; more than `LABEL_CHARS_MAX` if it has none.

    The codec of the standard library would give the form itself, but takes half a millisecond for a long label.
    """
    if label.isascii():
        return len(label)
    if len(label) > LABEL_CHARS_MAX or label.startswith(_ACE_PREFIX):
        return LABEL_CHARS_MAX + 1
    return len(_ACE_PREFIX) + _encoded_length(label)


def _encoded_length(label: str) -> int:
    placed = [at for at, sign in enumerate(label) if sign.isascii()]
    length = len(placed) + bool(placed)
    code, after, bias, damp = 0x80, 0, _BIAS, _DAMP
    for next_code, at in sorted((ord(sign), at) for at, sign in enumerate(label) if not sign.isascii()):
        index = bisect(placed, at)
        delta = (next_code - code) * (len(placed) + 1) + index - after
        length += _digits(delta, bias)
        if length > LABEL_CHARS_MAX:
            break
        bias, damp = _adapted(delta // damp, len(placed) + 1), 2
        placed.insert(index, at)
        code, after = next_code, index + 1
    return length


def _digits(delta: int, bias: int) -> int:
    """The number of digits of a generalized integer."""
    count, position = 1, _BASE
    while delta >= (threshold := min(max(position - bias, _TMIN), _TMAX)):
        delta = (delta - threshold) // (_BASE - threshold)
        count += 1
        position += _BASE
    return count


def _adapted(delta: int, points: int) -> int:
    delta += delta // points
    position = 0
    while delta > (_BASE - _TMIN) * _TMAX // 2:
        delta //= _BASE - _TMIN
        position += _BASE
    return position + (_BASE - _TMIN + 1) * delta // (delta + _SKEW)
