"""Faults of crystal files: CIF, POSCAR, extended XYZ."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from bad_input_cases import Case, Verdict
from bad_input_samples import CIF, EXTXYZ, OF_CRYSTAL_FILE, POSCAR

_NOT_FINITE = ["inf", "-inf", "nan", "1e308", "1e400"]


def cases(rng: random.Random) -> Iterator[Case]:
    """Yield cases without end: known faults and random damage by turns."""
    known = [*_cif(), *_poscar(), *_others()]
    while True:
        rng.shuffle(known)
        for i, case in enumerate(known):
            yield case
            if i % 2 == 0:
                yield _damaged(rng)


def _case(name: str, fault: str, content: str | bytes, verdict: Verdict = "refuse") -> Case:
    kind = name if name == "POSCAR" else name.rpartition(".")[2]
    return Case(
        f"{kind}: {fault}",
        ("plan", "given.yaml"),
        {
            "given.yaml": OF_CRYSTAL_FILE.format(name=name).encode(),
            name: content.encode() if isinstance(content, str) else content,
        },
        verdict,
        rf"given\.yaml|{re.escape(name)}",
    )


def _cif() -> Iterator[Case]:
    def changed(fault: str, old: str, new: str, count: int = -1) -> Case:
        assert old in CIF
        return _case("x.cif", fault, CIF.replace(old, new, count))

    yield _case("x.cif", "as it is", CIF, "accept")
    for number in _NOT_FINITE:
        yield changed(f"cell {number}", "5.64", number)
        yield changed(f"position {number}", "Na2 Na 0.5", f"Na2 Na {number}")
        yield changed(f"angle {number}", "alpha 90", f"alpha {number}")
    for length in ("0", "-5.64", "1e6", "0.001", "?", ".", "abc", "1e-300"):
        yield changed(f"cell {length}", "5.64", length)
    for angle in ("0", "180", "-90", "360", "1e-9", "?"):
        yield changed(f"angle {angle}", "alpha 90", f"alpha {angle}")
    yield changed("impossible angles", "beta 90", "beta 10", 1)
    yield changed("partly occupied", "Na1 Na 0 0 0 1", "Na1 Na 0 0 0 0.5")
    yield changed("occupied twice", "Na1 Na 0 0 0 1", "Na1 Na 0 0 0 3")
    yield changed("unknown element", "Na1 Na", "Xx1 Xx")
    yield changed("overlapping atoms", "Cl1 Cl 0.5 0.5 0.5", "Cl1 Cl 0.01 0 0")
    yield changed("atom twice", "Na2 Na 0.5 0.5 0 1", "Na2 Na 0 0 0 1")
    yield changed(
        "two phases", "Cl4 Cl 0.5 0 0 1\n", "Cl4 Cl 0.5 0 0 1\n" + CIF.replace("5.64", "4")
    )
    yield changed("a row short", "Na2 Na 0.5 0.5 0 1", "Na2 Na 0.5")
    yield changed("no cell", "_cell_length_a 5.64\n", "")
    yield _case("x.cif", "no atoms", CIF[: CIF.index("loop_\n_atom_site_label")])
    yield _case("x.cif", "empty", "")
    yield _case("x.cif", "blank", "\n\n# nothing\n")
    yield _case("x.cif", "binary", bytes(range(256)) * 20)
    yield _case("x.cif", "prose", "This is no crystal.\n" * 20)
    yield _case("x.cif", "a POSCAR", POSCAR)
    yield _case("x.cif", "open quote", CIF.replace("'P 1'", "'P 1"), "either")
    yield _case("x.cif", "deep loops", "data_a\n" + "loop_\n" * 5000)


def _poscar() -> Iterator[Case]:
    def changed(fault: str, old: str, new: str, count: int = 1) -> Case:
        assert old in POSCAR
        return _case("POSCAR", fault, POSCAR.replace(old, new, count))

    yield _case("POSCAR", "as it is", POSCAR, "accept")
    for number in _NOT_FINITE:
        yield changed(f"scale {number}", "1.0", number)
        yield changed(f"cell {number}", "5.64", number)
        yield changed(f"position {number}", "0.5 0.5 0.5", f"{number} 0 0")
    yield changed("scale 0", "1.0", "0")
    yield changed("cell 0", "5.64 0 0", "0 0 0")
    yield changed("singular cell", "0 5.64 0", "5.64 0 0")
    yield changed("huge scale", "1.0", "1e6")
    yield changed("tiny scale", "1.0", "1e-3")
    yield changed("no elements", "Na Cl\n", "")
    yield changed("unknown element", "Na Cl", "Xx Cl")
    yield changed("counts too large", "4 4", "400 4")
    yield changed("huge counts", "4 4", "1000000000 4")
    yield changed("negative count", "4 4", "-4 4")
    yield changed("count of text", "4 4", "four 4")
    yield changed("overlapping atoms", "0.5 0.5 0.5", "0.01 0 0")
    yield changed("a cell of two numbers", "0 5.64 0", "0 5.64")
    yield _case("POSCAR", "empty", "")
    yield _case("POSCAR", "binary", bytes(range(256)) * 20)
    yield _case("POSCAR", "short", POSCAR[:40])


def _others() -> Iterator[Case]:
    yield _case("x.extxyz", "empty", "")
    for number in _NOT_FINITE:
        yield _case(
            "x.extxyz", f"position {number}", EXTXYZ.replace("2.82 2.82 2.82", f"{number} 0 0")
        )
        yield _case("x.extxyz", f"cell {number}", EXTXYZ.replace("5.64", number))
    yield _case("x.extxyz", "count too large", EXTXYZ.replace("8\n", "80\n", 1))
    yield _case("x.extxyz", "huge count", EXTXYZ.replace("8\n", "1000000000\n", 1))
    yield _case("x.extxyz", "no cell", EXTXYZ.replace("Lattice", "Nothing"))
    yield _case("x.json", "broken", '{"lattice": ')
    yield _case("x.json", "other JSON", '{"a": [1, 2]}')
    yield _case("x.json", "a class", '{"@module": "os", "@class": "system", "command": "touch x"}')
    yield _case("x.yaml", "a python tag", "!!python/object/apply:os.system [touch x]\n")
    yield _case("x.unknown", "unknown kind", CIF)
    yield _case("x.cif.gz", "no gzip", CIF)
    folder = Case("a folder", ("plan", "given.yaml"), {
        "given.yaml": OF_CRYSTAL_FILE.format(name="folder").encode(), "folder/x": b"",
    }, named=r"given\.yaml|folder|xxx")  # fmt: skip
    yield folder
    yield Case("no file", ("plan", "given.yaml"),
               {"given.yaml": OF_CRYSTAL_FILE.format(name="x" * 300).encode()},
               named=r"given\.yaml|folder|xxx")  # fmt: skip


def _damaged(rng: random.Random) -> Case:
    name, text = rng.choice([("x.cif", CIF), ("POSCAR", POSCAR), ("x.extxyz", EXTXYZ)])
    content = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content))
        what = rng.choice(["flip", "digit", "remove", "cut", "line"])
        if what == "flip":
            content[at] ^= 1 << rng.randrange(8)
        elif what == "digit":
            content[at] = rng.choice(b"0123456789.-eE ")
        elif what == "remove":
            del content[at : at + rng.randint(1, 8)]
        elif what == "cut":
            del content[max(at, 5) :]
        else:
            lines = bytes(content).splitlines(keepends=True)
            rng.shuffle(lines)
            content = bytearray(b"".join(lines))
    return _case(name, "random damage", bytes(content), "either")
