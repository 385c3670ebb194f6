"""Writes the tables of src/studypub/deid/data from the Standard's tables: `python .ci/deid_tables.py FOLDER`.

FOLDER holds, as CSV, Table E.1-1 of PS3.15 2026d (ps3_15_e1_1), the IODs, modules and attributes of PS3.3, PS3.4
and PS3.6 2026b (sop_iod, iod_modules, module_attributes) and a rule for each attribute of an image IOD that Table
E.1-1 does not list (free_text_values). Only what can pass, or must be known to stay valid, is written.
"""

import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src/studypub/deid/data"
STANDARD = "DICOM PS3.3, PS3.4, PS3.6 2026b, PS3.15 2026d, (c) NEMA; written by .ci/deid_tables.py"
OPTIONS = {
    "rtn_pat_chars": "patient_characteristics",
    "rtn_long_modif_dates": "modified_dates",
    "clean_desc": "clean_descriptors",
}
NUMBERS = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"}
# Rules of our own where the value rules are narrower than what makers really write.
RULES = {
    "ConvolutionKernel": "enumerated:/[A-Z][a-z]?[0-9]{2}[a-z]?|[1-5]|FC[0-9]{2}|STANDARD|SOFT|DETAIL|BONE|BONEPLUS"
    "|EDGE|LUNG|CHST|ULTRA|A|B|C|D|E|F|G|H|K|L|CB|EB|EC|UA|UB|UC|YA|YB|YC|YD|YE|YF/",
    "SequenceName": "enumerated:/[*]{0,2}(tse|se|tfl|fl|qfl|ep|epfid|epse|tir|spc|spcR|gr|me|de|ci|fi|tgse)"
    "([1-3]d[0-9]{1,3})?(_[a-z]{0,2}[0-9]{1,4}[a-z]{0,3})?/",
    **dict.fromkeys(
        (
            "ContrastBolusRoute", "Radiopharmaceutical", "RadiopharmaceuticalRoute", "AttenuationCorrectionMethod",
            "ReconstructionMethod", "SegmentDescription", "ViewName", "FieldOfViewDescription",
        ),
        "descriptor",
    ),
}  # fmt: skip
STRICTEST = ("1", "1C", "2", "2C", "3", "")

# Objects extend their IOD legally (PS3.2 7.3); without these the pixels would mean something else than they did.
EXTENSIONS = Path(__file__).with_name("deid_extensions.txt").read_text("utf-8").split()


class Tree:
    """The attributes of one level: tag -> (Type, the level below a sequence)."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, Tree]] = {}

    def add(self, path: list[str], type_: str) -> None:
        """Add the attribute at the path; of several Types the strictest one holds."""
        known, below = self.entries.get(path[0], ("", Tree()))
        if len(path) == 1:
            known = min(known, type_, key=STRICTEST.index)
        else:
            below.add(path[1:], type_)
        self.entries[path[0]] = (known, below)


def main(folder: Path) -> None:
    """Write all tables."""
    table = {row["tag"]: row for row in rows(folder / "ps3_15_e1_1.csv")}
    values = {row["tag"]: row for row in rows(folder / "free_text_values.csv")}
    for row in values.values():
        row["suggested_rule"] = RULES.get(row["keyword"], row["suggested_rule"])
    keywords = {row["keyword"]: tag for tag, row in [*values.items(), *table.items()]}
    classes = list(rows(folder / "sop_iod.csv"))
    iods = {row["iod"] for row in classes if row["has_pixels"] == "Y"}
    trees = image_trees(folder, iods)
    donors = {keyword: donor(trees, keywords[keyword]) for keyword in EXTENSIONS}
    for tree in trees.values():
        for keyword, below in donors.items():
            tree.entries.setdefault(keywords[keyword], ("3", below))
    write_confidentiality(table)
    used = write_iods(trees, table, values)
    write_values(values, used)
    write_classes(classes, iods)
    write_private(folder)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV file, packed or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def image_trees(folder: Path, iods: set[str]) -> dict[str, Tree]:
    """Join IODs, modules and attributes."""
    modules: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
    for row in rows(folder / "module_attributes.csv.gz"):
        modules[row["module"]].append((row["path"].split(">"), row["type"]))
    trees: dict[str, Tree] = {iod: Tree() for iod in sorted(iods)}
    for row in rows(folder / "iod_modules.csv"):
        if row["iod"] in trees and row["fg_macro"] == "N":
            for path, type_ in modules[row["module"]]:
                trees[row["iod"]].add(path, type_)
    return trees


def donor(trees: dict[str, Tree], tag: str) -> Tree:
    """Return the level below the tag in the first IOD that has the attribute at its root."""
    return next((tree.entries[tag][1] for tree in trees.values() if tag in tree.entries), Tree())


def write_confidentiality(table: dict[str, dict[str, str]]) -> None:
    """Write Table E.1-1 with the options that a profile can take."""
    with (TARGET / "confidentiality.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {STANDARD}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["tag", "name", "vr", "basic", *OPTIONS.values()])
        for tag, row in table.items():
            writer.writerow([tag, row["name"], row["vr"], row["basic"], *(row[option] for option in OPTIONS)])


def write_iods(trees: dict[str, Tree], table: dict[str, dict[str, str]], values: dict[str, dict[str, str]]) -> set[str]:
    """Write each distinct level once, under a number; return the tags in use."""
    numbers: dict[tuple[str, ...], int] = {}
    used: set[str] = set()

    def passes(tag: str) -> bool:
        if tag in table:
            return table[tag]["basic"] != "X" or any(table[tag][option] for option in OPTIONS)
        return tag in values and values[tag]["suggested_rule"] != "drop"

    def number(tree: Tree) -> int:
        level = []
        for tag, (type_, below) in sorted(tree.entries.items()):
            if tag.startswith(("60xx", "50xx")):
                continue
            child = number(below) if below.entries and passes(tag) else 0
            if passes(tag) or type_ in {"1", "2", "2C"}:
                used.add(tag)
                level.append(f"{tag.replace(',', '')}:{type_ or 3}" + (f">{child}" if child else ""))
        return numbers.setdefault(tuple(level), len(numbers) + 1)

    roots = {iod: number(tree) for iod, tree in trees.items()}
    with (TARGET / "iods.txt").open("w", encoding="utf-8") as file:
        file.write(f"# {STANDARD}\n# IOD = number of its level; number = tag:Type of each attribute, >level below it\n")
        file.writelines(f"{iod} = {root}\n" for iod, root in roots.items())
        file.writelines(f"{key} = {' '.join(level)}\n" for level, key in numbers.items())
    return used


def write_values(values: dict[str, dict[str, str]], used: set[str]) -> None:
    """Write the rule of each attribute that Table E.1-1 leaves out."""
    with (TARGET / "values.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {STANDARD}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["tag", "keyword", "vr", "rule"])
        for tag, row in values.items():
            if tag in used and row["suggested_rule"] != "drop":
                writer.writerow([tag, row["keyword"], row["vr"], row["suggested_rule"]])


def write_private(folder: Path) -> None:
    """Write the numbers among the safe private attributes (PS3.15 Table E.3.10-1); texts never pass."""
    with (TARGET / "safe_private.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {STANDARD}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["creator", "group", "element", "vr"])
        for row in rows(folder / "safe_private.csv"):
            if row["vr"] in NUMBERS:
                writer.writerow([row["private_creator"], row["tag"][:4], row["tag"][-2:], row["vr"]])


def write_classes(classes: list[dict[str, str]], iods: set[str]) -> None:
    """Write each SOP class with its kind and, for images, its IOD."""
    with (TARGET / "sop_classes.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {STANDARD}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["uid", "kind", "iod", "name"])
        for row in classes:
            iod = row["iod"] if row["iod"] in iods else ""
            writer.writerow([row["sop_class_uid"], row["kind"], iod, row["name"]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
