"""`{a|b}`, `{3::a|b}`, `{2$$ and $$a|b|c}` and `__name__` -> a tree, of which one text is drawn or all are listed.

Braces without a bar stay as they are, and so does a name for which there is no file.
"""

import itertools
import re
from dataclasses import dataclass

DEEPEST = 20
"""How often a line of a file may name another file."""
NAME = re.compile(r"__([\w\-./* ]+?)__")
COUNT = re.compile(r"(\d+)(?:-(\d+))?\$\$")
WEIGHT = re.compile(r"\s*(\d+(?:\.\d+)?)::")


class Text(str):
    """What stands as it is."""

    def drawn(self, random, files, depth):
        return str(self)

    def listed(self, files, depth):
        yield str(self)


@dataclass(frozen=True)
class Run:
    """Parts one after another."""

    parts: tuple

    def drawn(self, random, files, depth):
        return "".join(part.drawn(random, files, depth) for part in self.parts)

    def listed(self, files, depth):
        for texts in product([lambda part=part: part.listed(files, depth) for part in self.parts]):
            yield "".join(texts)


@dataclass(frozen=True)
class Choice:
    """`least` to `most` of the options, joined; each is drawn as often as its weight says."""

    options: tuple
    weights: tuple
    least: int = 1
    most: int = 1
    joint: str = ", "

    def drawn(self, random, files, depth):
        count = min(random.randint(self.least, self.most), len(self.options))
        left, chosen = list(range(len(self.options))), []
        for _ in range(count):
            weights = [self.weights[number] for number in left]
            if not sum(weights):
                break
            number = random.choices(left, weights)[0]
            left.remove(number)
            chosen.append(self.options[number].drawn(random, files, depth))
        return self.joint.join(chosen)

    def listed(self, files, depth):
        for count in range(self.least, min(self.most, len(self.options)) + 1):
            for chosen in itertools.combinations(self.options, count):
                for texts in product([lambda option=option: option.listed(files, depth) for option in chosen]):
                    yield self.joint.join(texts)


@dataclass(frozen=True)
class Wildcard:
    """A line of the files of a name."""

    name: str

    def drawn(self, random, files, depth):
        lines = files(self.name) if depth < DEEPEST else ()
        if not lines:
            return f"__{self.name}__"
        return parse(random.choice(lines)).drawn(random, files, depth + 1)

    def listed(self, files, depth):
        lines = files(self.name) if depth < DEEPEST else ()
        if not lines:
            yield f"__{self.name}__"
        for line in lines:
            yield from parse(line).listed(files, depth + 1)


def is_dynamic(text):
    """Whether a text may have choices in it."""
    return ("{" in text and "|" in text) or NAME.search(text) is not None


def parse(text):
    """The tree of a text. A brace without its partner stands for itself."""
    parts, plain, at = [], "", 0
    while at < len(text):
        if text[at] == "{" and (end := partner(text, at)) and (choice := choice_of(text[at + 1 : end])):
            parts += [Text(plain), choice]
            plain, at = "", end + 1
        elif text[at] == "{" and end:
            # Braces around what is no choice stay, what is inside is read.
            parts += [Text(plain + "{"), parse(text[at + 1 : end])]
            plain, at = "}", end + 1
        elif match := NAME.match(text, at):
            parts += [Text(plain), Wildcard(match[1].strip())]
            plain, at = "", match.end()
        else:
            plain, at = plain + text[at], at + 1
    return Run(tuple(part for part in [*parts, Text(plain)] if part != ""))


def partner(text, at):
    """Where the brace that opens at `at` closes; None if it does not."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return None


def choice_of(inside):
    """The choice between braces; None if there is no bar."""
    options = split(inside)
    if len(options) < 2:
        return None
    least = most = 1
    joint = ", "
    if match := COUNT.match(options[0]):
        least = int(match[1])
        most = max(int(match[2] or least), least)
        options[0] = options[0][match.end() :]
        if "$$" in options[0]:
            joint, options[0] = options[0].split("$$", 1)
    weights = []
    for number, option in enumerate(options):
        match = WEIGHT.match(option)
        weights.append(float(match[1]) if match else 1.0)
        options[number] = option[match.end() :] if match else option
    return Choice(tuple(map(parse, options)), tuple(weights), least, most, joint)


def split(inside):
    """The options between braces; bars inside of further brackets are not theirs."""
    options, depth, now = [], 0, ""
    for mark in inside:
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark, 0)
        if mark == "|" and depth == 0:
            options.append(now)
            now = ""
        else:
            now += mark
    return [*options, now]


def product(makers):
    """As itertools.product, over what functions give, without keeping more than one text of each."""
    if not makers:
        yield ()
        return
    for first in makers[0]():
        for rest in product(makers[1:]):
            yield (first, *rest)
