"""Tables that list image files: a header, and an image a line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqnet.errors import DataError, suggestion


@dataclass
class Listing:
    """The cells of a csv or tsv file, with the line that each row ends in."""

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def place(self, option: str, wanted: str | None, usual: Sequence[str], default: int) -> int:
        """Where a column is: the one that an option names, one with a usual name, else `default`. Raises DataError."""
        if wanted is not None:
            if wanted not in self.header:
                raise DataError(
                    f"{self.path} has no column {wanted!r}, which {option} names; {suggestion(wanted, self.header)}"
                )
            return self.header.index(wanted)
        lower = [cell.lower() for cell in self.header]
        place = next((lower.index(one) for one in usual if one in lower), default)
        if place >= len(self.header):
            raise DataError(f"{self.path} has the one column {self.header[0]}; it needs one of paths and one of labels")
        return place

    def paths(self, place: int) -> list[Path]:
        """The images that a column names, relative to the file. Raises DataError."""
        found = []
        for line, cells in self.rows:
            name = cells[place].strip()
            if not name:
                raise DataError(f"{self.path}, line {line}: {self.header[place]} is empty; each line names an image")
            try:
                found.append(self.path.parent / Path(name).expanduser())
            except RuntimeError as error:  # ~somebody
                raise DataError(f"{self.path}, line {line}: {error}") from None
        return found


def read_listing(path: Path) -> Listing:
    """Raises DataError: no csv text, a row of another length, no rows."""
    found = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
            header = [cell.strip() for cell in next(rows, [])]
            if not header:
                raise DataError(f"{path} is empty; it needs a header such as path,label and a line an image")
            for cells in rows:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise DataError(
                        f"{path}, line {rows.line_num}: {len(cells)} cells, but the header has {len(header)}"
                    )
                found.append((rows.line_num, cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no csv text in UTF-8: {error}; for images name their folder") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    if not found:
        raise DataError(f"{path} lists no images; each line after the header needs a path and a label")
    return Listing(path, header, found)
