"""A first file for a table: what its profile says, turned into choices that are told in comments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

from seqnet.datasets.csv_reader import MISSING
from seqnet.datasets.keys import SPLIT_WORDS
from seqnet.errors import DataError
from seqnet.spec.writer import dump_yaml

USUAL_TARGETS = ("target", "label", "labels", "class", "y", "outcome", "species", "diagnosis")
SPLIT_NAMES = ("split", "subset", "partition", "set")  # columns that may say which part a row is for
SKEWED = 4.0  # rows of the largest class / rows of the smallest
SEVERAL = 500  # classes beyond which a target is no classification
MISSES = 0.05  # share of gaps from which on that there is a gap is told to the network
NAMING = re.compile(r".*(code|type|class|kind|category|group|zip|postal|region|cluster|_id|Id)", re.IGNORECASE)


def likely_target(names: Sequence[str]) -> str:
    """The column that is most likely meant: one that is called target, label, class or y, else the last."""
    low = {name.strip().lower(): name for name in reversed(names)}
    last = next((name for name in reversed(names) if name.strip().lower() not in SPLIT_NAMES), names[-1])
    return next((low[usual] for usual in USUAL_TARGETS if usual in low), last)


@dataclass
class Starter:
    """The choices. adapt() changes them by what a check of the file said."""

    profile: Mapping[str, Any]
    path: str  # of the table, as the file is to name it
    options: Mapping[str, Any]  # of the csv source, as given
    columns: dict[str, Any] = field(default_factory=dict)
    drop: dict[str, str] = field(default_factory=dict)  # and why
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # words that stand for no value, besides the usual ones

    def __post_init__(self) -> None:
        self.by_name = {one["name"]: one for one in self.profile["columns"]}
        self.targets: list[str] = list(self.profile["targets"])
        lacking = max((self._gaps(name) for name in self.targets), default=0)
        self.rows: int = self.profile["rows"] - lacking  # that have a target
        self.classes: list[Mapping[str, Any]] | None = self.profile["classes"]
        self.options = dict(self.options)
        known = list(self.options.pop("missing_values", MISSING[1:]))
        stated = self.options.pop("columns", {})
        self.drop = dict.fromkeys(self.options.pop("drop", ()), "as asked")
        self._check_targets()
        self._choose_drops()
        for one in self.features:
            if not any(fnmatchcase(one["name"], pattern) for pattern in stated):
                self._choose_kind(one)
        self.columns |= stated
        self.missing_values = known + self.missing if self.missing or tuple(known) != MISSING[1:] else []
        if not self.features:
            raise DataError(
                f"{self.profile['path']} has no column to predict {self.targets[0]!r} from: "
                + ("; ".join(f"{name} {why}" for name, why in self.drop.items()) or "it has no other")
                + self._text_advice()
            )

    @property
    def features(self) -> list[Mapping[str, Any]]:
        left_out = {*self.targets, *self.drop, self.options.get("sample_weight"), self.split_column[0]}
        wanted = self.options.get("features")
        return [
            one for name, one in self.by_name.items() if name not in left_out and (wanted is None or name in wanted)
        ]

    @property
    def split_column(self) -> tuple[str | None, set[str]]:
        """The column that says which part each row is for, and the parts."""
        for name, one in self.by_name.items():
            if name.strip().lower() in SPLIT_NAMES and one["type"] == "categorical" and not one["missing"]:
                words = [str(word["word"]).lower() for word in one["words"]]
                parts = {SPLIT_WORDS.get(word, "") for word in words}
                known = len(words) == one["distinct"] and "" not in parts and len(parts) > 1
                if known and "train" in parts and name not in self.targets:
                    return name, parts
        return None, set()

    @property
    def task(self) -> str:
        """binary, classes, labels (several a row) or numbers."""
        if len(self.targets) > 1:
            return "labels" if all(self.by_name[name]["type"] == "boolean" for name in self.targets) else "numbers"
        if self.classes is None:
            return "numbers"
        return "binary" if len(self.classes) == 2 else "classes"

    @property
    def skew(self) -> float:
        counts = [one["rows"] for one in self.classes or ()]
        return max(counts) / min(counts) if counts else 1.0

    # -- choosing ---------------------------------------------------------------------------------------------------

    def _check_targets(self) -> None:
        path = self.profile["path"]
        for name in self.targets:
            one = self.by_name[name]
            numbers = one["type"] in ("numeric", "boolean") and "words" not in one
            same = one["distinct"] == 1 or (numbers and one.get("min") == one.get("max"))
            if one["type"] == "empty" or same:
                told = "holds nothing" if one["type"] == "empty" else "is the same in every row"
                raise DataError(f"{path}: the target {name!r} {told}, so there is nothing to learn")
            wordy = one["type"] in ("text", "date") or (len(self.targets) > 1 and one["type"] == "categorical")
            if wordy or len(self.classes or ()) > SEVERAL:
                told = f", or read it with {one['parted']['options']} (-s OPTION=VALUE)" if "parted" in one else ""
                count = f"{one['distinct']:,}" if one["distinct"] is not None else f"more than {one['more_than']:,}"
                raise DataError(
                    f"{path}: the target {name!r} holds {count} different "
                    f"{'dates' if one['type'] == 'date' else 'words'}, which are neither numbers nor classes; name "
                    f"another column with --target{told}"
                )
            if one.get("infinite"):
                raise DataError(f"{path}: the target {name!r} holds infinity; mend these cells")
            self._forgive(one)
        if self.rows < 4:
            raise DataError(f"{path} has {self.rows} rows with a target; to train and to measure it takes 4 at least")

    def _text_advice(self) -> str:
        texts = [name for name in self.drop if self.by_name[name]["type"] == "text"]
        return (
            f"; a network for the text itself begins with text: {{column: {texts[0]}}} (seqnet describe text)"
            if texts
            else ""
        )

    def _gaps(self, name: str) -> int:
        one = self.by_name[name]
        return int(one["missing"]) + int(one.get("mistaken", 0))

    def _forgive(self, one: Mapping[str, Any]) -> bool:
        """Take words among numbers for gaps, where they are of few kinds."""
        if not one.get("mistaken"):
            return True
        if one["mistake_kinds"] > len(one["mistakes"]):
            return False
        self.missing += [mistake["word"] for mistake in one["mistakes"] if mistake["word"] not in self.missing]
        return True

    def _choose_drops(self) -> None:
        for leak in self.profile["leaks"]:
            if leak["sure"]:
                self.drop[leak["column"]] = leak["why"]
            else:
                self.notes.append(f"{leak['column']} {leak['why']}: would you know it beforehand?")
        equal = {second: first for first, second in self.profile["duplicates"] if first not in self.targets}
        ids = {one["column"]: one["why"] for one in self.profile["ids"]}
        lacking = self.profile["rows"] - self.rows
        for one in self.features:
            name, why = one["name"], ""
            there = self.profile["rows"] - one["missing"]
            if one["type"] == "empty":
                why = "holds nothing"
            elif name in ids:
                why = ids[name]
            elif one["distinct"] == 1 and not one["missing"]:
                why = "is the same in every row"
            elif one["missing"] and there - lacking < min(20, 0.7 * self.rows):
                why = f"has a value in {there} rows only"
            elif one.get("infinite"):
                why = "holds infinity"
            elif one["type"] == "text":
                why = "is text, nearly all different"
            elif len(one.get("formats", ())) > 1:
                why = f"holds dates that can be read as {' or '.join(one['formats'])}"
            elif name in equal and equal[name] not in self.drop:
                why = f"equals {equal[name]}"
            elif one["type"] == "numeric" and not self._forgive(one):
                why = "holds words among its numbers"
            if why:
                self.drop[name] = why

    def _choose_kind(self, one: Mapping[str, Any]) -> None:
        """State what a part of the rows could hide, and what is more than the default."""
        name, kind = one["name"], one["type"]
        if kind == "date":
            parts = list(one.get("parts") or ["year", "month", "day", "weekday"])
            self.columns[name] = {
                "date": {"parts": parts, **({"format": one["formats"][0]} if "formats" in one else {})}
            }
        elif kind == "numeric":
            self._choose_numeric(one)
        elif kind == "categorical":
            self.columns[name] = "categorical"
            if one["distinct"] is None or one["distinct"] > max(2, one["common"]):
                self.columns[name] = {"categorical": {"max_categories": max(1, min(100, one["common"]))}}
        elif kind == "boolean":
            self.columns[name] = "boolean"

    def _choose_numeric(self, one: Mapping[str, Any]) -> None:
        name = one["name"]
        few = one["distinct"] is not None and one["distinct"] <= 50 and one["whole"] and self.rows >= 100
        options: dict[str, Any] = {}
        if few and one["distinct"] > 2 and NAMING.fullmatch(name):
            self.columns[name] = "categorical"
            self.notes.append(f"the numbers of {name} seem to name something, so each becomes a feature")
            return
        if one["share"] >= MISSES:
            options["missing"] = "indicator"
        if one["min"] >= 0 and one["std"] > 3 * one["mean"] > 0 and one["distinct"] != 2:
            options["scale"] = "log"
        if options or one["mostly_01"]:
            self.columns[name] = {"numeric": options} if options else "numeric"

    def adapt(self, warnings: Sequence[str]) -> bool:
        """Give room for words that no training row had: fewer categories, so that the rare ones count as unknown."""
        changed = False
        for name in [one["name"] for one in self.features]:
            if any(text.startswith(f"column {name}: ") for text in warnings):
                stated = self.columns.get(name)
                before = stated["categorical"]["max_categories"] if isinstance(stated, Mapping) else None
                most = (before or min(100, self.by_name[name]["distinct"] or 100)) // 2
                if most < 1:
                    self.drop[name] = "has too few rows for each of its categories"
                    self.columns.pop(name, None)
                else:
                    self.columns[name] = {"categorical": {"max_categories": most}}
                changed = True
        return changed and bool(self.features)

    # -- writing ----------------------------------------------------------------------------------------------------

    def text(self, name: str, file: str) -> str:
        """The file. file: what the commands in its head call it."""
        what = {"binary": "yes or no", "classes": "which class", "labels": "which labels", "numbers": "how much"}
        told = comment_lines(f"Predicts {', '.join(self.targets)} ({what[self.task]}) from {self.profile['name']}.")
        commands = [
            f"#   seqnet check {shown(file)}       everything that is wrong or suspicious about this file",
            f"#   seqnet train {shown(file)}       train it; every run gets a folder of its own under runs/",
        ]
        parts = [
            [*told, "#", *commands, "", *yaml_lines({"name": name, "seed": 0})],
            list(self._data()),
            list(self._model()),
            list(self._learning()),
            list(self._training()),
        ]
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    def _data(self) -> Iterator[str]:
        yield "data:"
        for note in self.notes:
            yield from comment_lines(note, 2)
        target: Any = self.targets[0] if len(self.targets) == 1 else self.targets
        source: dict[str, Any] = {"path": self.path, "target": target, **self.options}
        if len(self.targets) == 1 and "task" not in source and "words" not in self.by_name[self.targets[0]]:
            source["task"] = "regression" if self.classes is None else "classification"
        yield "  csv:"
        yield from yaml_lines(source, 4)
        if self.missing_values:
            more = "; the last are words among numbers" if self.missing else ""
            yield from comment_lines(f"cells that stand for no value{more}", 4)
            yield from yaml_lines({"missing_values": self.missing_values}, 4)
        lacking = any(self._gaps(one) for one in self.targets)
        if lacking and "target_missing" not in self.options:
            yield from comment_lines("rows without a target teach nothing", 4)
            yield from yaml_lines({"target_missing": "drop"}, 4)
        if self.drop and self.options.get("features") is None:
            yield "    drop:"
            for name, why in self.drop.items():
                yield f"      - {_scalar(name)}  # {shown(why)}"
        if self.columns:
            yield from comment_lines(
                "what columns hold; numbers that are not named are standardized (seqnet list columns)", 4
            )
            yield from yaml_lines(
                {
                    "columns": {
                        name if name not in self.by_name else escape(name): kind for name, kind in self.columns.items()
                    }
                },
                4,
            )
        dates = [name for name, kind in self.columns.items() if isinstance(kind, Mapping) and "date" in kind]
        if dates:
            yield from comment_lines(
                f"where later rows are to be predicted from earlier ones, add: order_by: {dates[0]}", 2
            )
        column, parts = self.split_column
        if column is not None:
            yield from comment_lines("a column that says which part each row is for", 2)
            yield from yaml_lines({"split_column": column}, 2)
        if self.rows < 200 and not parts:
            yield "  validation_split: 0.25   # rows that training never sees; too few for a test part: try seqnet cv"
            return
        if "validation" not in parts:
            yield "  validation_split: 0.15   # rows that training never sees, which say when to stop"
        if "test" not in parts:
            yield "  test_split: 0.15         # rows that nothing is chosen by, for the final number"

    def _model(self) -> Iterator[str]:
        widths, rate = self._widths()
        yield "model:"
        small = (
            "a small network, since a larger one could learn them by heart" if rate else "enough for a wider network"
        )
        yield from comment_lines(f"{self.rows:,} rows: {small}", 2)
        for units in widths:
            yield f"  - Dense: {{units: {units}, activation: relu}}"
            if rate:
                yield f"  - Dropout: {{rate: {rate}}}   # numbers left out at random, against learning by heart"
        if self.task == "binary":
            second = sorted(str(one["name"]) for one in self.classes or ())[-1]
            yield f"  - Dense: {{units: 1, activation: sigmoid}}   # the probability of {shown(second)}"
        elif self.task == "classes":
            count = len(self.classes or ())
            yield f"  - Dense: {{units: {count}, activation: softmax}}   # a probability for each class"
        elif self.task == "labels":
            yield f"  - Dense: {{units: {len(self.targets)}, activation: sigmoid}}   # a probability for each label"
        else:
            yield f"  - Dense: {{units: {len(self.targets)}}}   # without an activation: any number can come out"
            scaling = self._scaling()
            if scaling:
                yield from comment_lines("brings it to the size of the target: standard deviation and mean", 2)
                yield from yaml_lines([{"Rescaling": scaling}], 2)

    def _widths(self) -> tuple[list[int], float]:
        if self.rows < 200:
            return [16], 0.2
        if self.rows < 2000:
            return [32], 0.2
        if self.rows < 20_000:
            return [64, 32], 0.1
        return [128, 64], 0.0

    def _scaling(self) -> dict[str, Any]:
        """scale and offset of the last layer, where targets are far from mean 0 and deviation 1."""
        stats = [(self.by_name[name].get("std") or 0.0, self.by_name[name].get("mean", 0.0)) for name in self.targets]
        if all(0.3 < std < 3 and abs(mean) < 3 for std, mean in stats):
            return {}
        scale = [_round(std) if std > 0 else 1.0 for std, _ in stats]
        offset = [_round(mean) for _, mean in stats]
        return {"scale": scale[0], "offset": offset[0]} if len(stats) == 1 else {"scale": scale, "offset": offset}

    def _learning(self) -> Iterator[str]:
        rate = 0.01 if self.rows < 2000 else 0.003 if self.rows < 20_000 else 0.001
        yield "optimizer:"
        yield f"  Adam: {{learning_rate: {rate}}}   # seqnet find-lr looks for a better one"
        yield ""
        if self.task == "numbers":
            yield from self._regression()
            return
        losses = {"binary": "binary_crossentropy", "classes": "sparse_categorical_crossentropy"}
        told = {"labels": "of each label", "binary": "of two classes", "classes": "of classes numbered 0, 1, …"}
        yield f"loss: {losses.get(self.task, 'binary_crossentropy')}   # {told[self.task]}"
        if self.task == "labels":
            yield "metrics: [binary_accuracy]   # the share of labels that are right"
        elif self.skew >= SKEWED:
            yield from comment_lines(
                f"the largest class has {self.skew:.3g} times the rows of the smallest, so that accuracy says little"
            )
            yield "metrics: [accuracy, balanced_accuracy]"
        else:
            yield "metrics: [accuracy]"

    def _regression(self) -> Iterator[str]:
        spreads = [one for name in self.targets if "max" in (one := self.by_name[name])]
        far = [one for one in spreads if max(one["max"] - one["mean"], one["mean"] - one["min"]) > 8 * one["std"] > 0]
        if far and len(self.targets) == 1:
            delta = _round(far[0]["std"])
            yield from comment_lines(
                "some targets are far out: errors beyond a standard deviation count once, not squared"
            )
            yield f"loss: {{Huber: {{delta: {delta}}}}}"
        else:
            yield "loss: mse   # the mean of the squared errors"
        yield "metrics: [mae, r2_score]   # the mean error; the share of the target's variance that is explained"

    def _training(self) -> Iterator[str]:
        training_rows = math.floor(self.rows * 0.7)
        size = next(
            size for limit, size in ((500, 16), (5000, 32), (50_000, 128), (math.inf, 512)) if self.rows < limit
        )
        size = max(1, min(size, training_rows // 2))
        patience = 20 if self.rows < 2000 else 10 if self.rows < 50_000 else 5
        yield "training:"
        yield f"  epochs: {200 if self.rows < 2000 else 100}   # at most; EarlyStopping ends it before"
        yield f"  batch_size: {size}"
        if self.skew >= SKEWED and self.task in ("binary", "classes") and "sample_weight" not in self.options:
            yield "  class_weight: balanced   # a row of a rare class counts for more"
        yield ""
        yield "callbacks:"
        yield from comment_lines(f"ends when {patience} epochs brought nothing, and takes the best weights back", 2)
        yield f"  - EarlyStopping: {{monitor: val_loss, patience: {patience}, restore_best_weights: true}}"


def yaml_lines(data: Any, indent: int = 0) -> list[str]:
    """Lines of plain data as YAML."""
    return [" " * indent + line for line in dump_yaml(data).rstrip("\n").split("\n")]


def _scalar(value: str) -> str:
    return dump_yaml(value).rstrip("\n")


def comment_lines(text: str, indent: int = 0) -> list[str]:
    """Lines of a comment, at most 100 characters where words allow it."""
    lines, margin = [""], " " * indent + "# "
    for word in shown(text).split(" "):
        if lines[-1] and len(margin) + len(lines[-1]) + len(word) > 100:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return [margin + line for line in lines]


def shown(text: str) -> str:
    """A text that may stand in a comment."""
    return "".join(sign if sign.isprintable() and sign != "\ufeff" else "?" for sign in text)


def _round(value: float) -> float:
    return float(f"{value:.2g}")
