"""What is typed into an axis -> its values: lists, ranges such as `1-10 (+2)` and `1-10 [5]`, permutations."""

import csv
import io
import itertools
import math
import re

LARGEST = 10_000
"""Values of one axis. Nobody waits for more cells, and a range is typed quickly."""

NUMBER = r"[+-]?\s*\d+(?:\.\d*)?"
STEPPED = re.compile(rf"\s*({NUMBER})\s*-\s*({NUMBER})(?:\s*\(([+-]\d+(?:\.\d*)?)\s*\))?\s*")
COUNTED = re.compile(rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*\[\s*(\d+)\s*\]\s*")


class Permutation(tuple):
    """One order of the words of a "Prompt order" axis."""


def split(text):
    """The entries of a comma-separated line; quotes keep commas together."""
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    return [entry for entry in (cell.strip() for row in rows for cell in row) if entry]


def join(values):
    """The line that `split` reads."""
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue().strip()


def read(label, kind, entries):
    """An axis' values of its kind. Raises ValueError, which names the axis and the entry."""
    if kind is Permutation:
        if math.factorial(len(entries)) > LARGEST:
            raise ValueError(f"{label}: {len(entries)} words have too many orders; use at most 7.")
        return [Permutation(order) for order in itertools.permutations(entries)]
    if kind not in (int, float):
        return [kind(entry) for entry in entries]
    found = []
    for entry in entries:
        try:
            found += numbers(kind, entry)
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise ValueError(
                f"{label}: '{entry}' is neither {what} nor a range such as 1-5, 1-10 (+2) or 1-10 [5] ({error})."
            ) from None
        if len(found) > LARGEST:
            raise ValueError(f"{label}: '{entry}' makes more than {LARGEST} values.")
    return found


def numbers(kind, entry):
    """One number, or those of a range. Both ends belong to it, whole numbers' steps being whole."""
    if match := COUNTED.fullmatch(entry):
        start, end = (float(part.replace(" ", "")) for part in match.groups()[:2])
        count = int(match[3])
        if count > LARGEST:
            raise ValueError("too many values")
        if kind is int and any("." in part for part in match.groups()):
            raise ValueError("decimals")
        gap = (end - start) / (count - 1) if count > 1 else 0.0
        return [kind(round(start + gap * number, 10)) for number in range(count)]
    if match := STEPPED.fullmatch(entry):
        start, end = (kind(part.replace(" ", "")) for part in match.groups()[:2])
        step = kind(match[3]) if match[3] else kind(1)
        if not step or (end - start) / step > LARGEST:
            raise ValueError("too many values")
        if kind is int:
            return list(range(start, end + 1, step))
        # The last value may lie up to a step beyond the end, as in A1111: 10-5 (-3) is 10, 7, 4.
        count = max(math.ceil(round((end + step - start) / step, 9)), 0)
        return [round(start + step * number, 10) for number in range(count)]
    return [kind(entry)]
