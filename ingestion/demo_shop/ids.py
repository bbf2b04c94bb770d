"""Ids that look random, never collide, and follow from the seed."""

import numpy as np


def scrambled(prefix: str, numbers: np.ndarray, digits: int, seed: int) -> list[str]:
    """`<prefix>-<hexadecimal digits>` for each number: a bijection on 4 * digits bits, so distinct numbers stay distinct.

    Args:
        numbers: below 16 ** digits.
    """
    bits = np.uint64(4 * digits)
    mask = np.uint64(2 ** (4 * digits) - 1)
    half = bits // np.uint64(2)
    value = (numbers.astype(np.uint64) + np.uint64(seed * 0x9E3779B1 % 2 ** (4 * digits))) & mask
    for odd in (0x2C1B3C6D, 0x297A2D39, 0x85EBCA6B):
        value = (value ^ (value >> half)) * np.uint64(odd) & mask
    return [f"{prefix}-{number:0{digits}x}" for number in (value ^ (value >> half)).tolist()]
