"""Which variables an option is for: regular expressions over their names, "layer/variable"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from seqnet.errors import UsageError

NAMED = 8  # names that a message lists


def regex_problem(pattern: str) -> str | None:
    """What is wrong with a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is not a regular expression: {error}"
    return None


def decays(name: str, excluded: Sequence[str]) -> bool:
    """Whether no pattern is found in a variable's own name, or, where the pattern holds a slash, in layer and name."""
    own = name.rpartition("/")[2]
    return not any(re.search(pattern, name if "/" in pattern else own) for pattern in excluded)


def require_exclusion(patterns: Sequence[str], names: Sequence[str]) -> None:
    """Raise UsageError when patterns of weight_decay_exclude exclude none of the variables."""
    if patterns and names and all(decays(name, patterns) for name in names):
        listed = f"no trained variable is named like {', '.join(patterns)}"
        raise UsageError(f"weight_decay_exclude: {listed}; there are {_listed(names)}")


def multipliers(factors: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """For each variable the factor of the last pattern that fits it, else 1.

    A pattern fits when it matches the whole of "layer", or of "layer/variable"; for layers inside a layer, of any
    stretch up to a slash. Raises UsageError for a pattern that fits none.
    """
    for pattern in factors:
        if names and not any(_fits(pattern, name) for name in names):
            layers = list(dict.fromkeys(name.partition("/")[0] for name in names))
            raise UsageError(
                f"learning_rate_multipliers: no layer with trained variables is named {pattern}; "
                f"there are {_listed(layers)}"
            )
    return [next((f for p, f in reversed(list(factors.items())) if _fits(p, name)), 1.0) for name in names]


def _fits(pattern: str, name: str) -> bool:
    return any(re.fullmatch(pattern, stretch) for stretch in _stretches(name))


def _stretches(name: str) -> Iterator[str]:
    yield name
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
