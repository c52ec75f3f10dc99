#!/usr/bin/env python3
"""Changes Python sources on purpose, one place at a time, and lists the changes that no test notices.

    python scripts/mutate_python.py [--tests TESTS] [--only N,N] [--sample COUNT [--seed SEED]] [FILE ...]

Without files, all of conversion is changed. A change is called a mutant. Each mutant runs in a fork of one process that
has imported TensorFlow already; nothing on disk is changed. A mutant survives when all tests pass. The tests run in the
given order up to the first failure, so that quick ones belong first. Where no tests are named, each file has those of
its part of conversion.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.util
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "python"
CONVERSION = SOURCE / "cnn2snn/conversion"
# The tests of a part of conversion, quick ones first. The last part is all the rest.
QUANTIZEML_TESTS = [
    "tests/conversion/quantizeml",
    "tests/conversion/test_akida2_certificate.py",
    "tests/conversion/test_quantizeml_convert.py",
]
ONNX_TESTS = ["tests/conversion/onnx", "tests/conversion/test_quantizeml_convert.py"]
KERAS_TESTS = [
    "tests/conversion",
    "tests/engine/test_certificate.py",
    "tests/keras/test_convert.py",
    "tests/keras/test_input_scaling.py",
    "tests/keras/test_branches.py",
    "tests/keras/test_conversion_report.py",
    "tests/engine/test_convert_agreement.py",
]
TESTS = {
    "onnx/": ONNX_TESTS,
    "quantizeml/": QUANTIZEML_TESTS,
    "akida2/": QUANTIZEML_TESTS,
    "akida1/quantizeml.py": QUANTIZEML_TESTS,
    "report/akida2.py": QUANTIZEML_TESTS,
    "versions.py": QUANTIZEML_TESTS,
    "": KERAS_TESTS,
}
# Fresh interpreters would not see a mutant. Models of Keras and examples take longer than they tell.
DESELECTED = ["-k", "not without_tensorflow and not needs_no_tensorflow and not of_tf_keras and not the_example"]
SECONDS = 300

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutant:
    """A source with one change."""

    file: Path
    line: int
    what: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.what}"


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node becomes, with a description."""
    text = ast.unparse(node)
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[i] = SWAPS[type(operator)]()
            yield f"{text}  →  {ast.unparse(changed)}", changed
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        changed = copy.deepcopy(node)
        changed.op = SWAPS[type(node.op)]()
        yield f"{text}  →  {ast.unparse(changed)}", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield f"{text}  →  {ast.unparse(node.operand)}", node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{text}  →  {node.value + 1}", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{text}  →  {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = copy.deepcopy(node)
            changed.test = ast.Constant(value)
            yield f"if {ast.unparse(node.test)}  →  if {value}", changed
    elif isinstance(node, ast.Return) and text not in ("return", "return None"):
        yield f"{text}  →  return None", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"{text}  →  pass", ast.Pass()


def is_unobservable(field: str) -> bool:
    """Whether a field holds types, which nothing evaluates, or decorators, which mostly say what may not be done."""
    return field in ("annotation", "returns", "decorator_list")


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every node as its parent, field and index, in the order of the source."""
    for field, value in ast.iter_fields(tree):
        if is_unobservable(field):
            continue
        if isinstance(value, ast.AST):
            yield tree, field, None
            yield from places(value)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield tree, field, index
                    yield from places(item)


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    source = file.read_text()
    for number, (parent, field, index) in enumerate(list(places(ast.parse(source)))):
        node = getattr(parent, field) if index is None else getattr(parent, field)[index]
        if isinstance(parent, ast.FormattedValue | ast.JoinedStr):
            continue  # how a message is written
        for what, changed in changes(node):
            tree = ast.parse(source)
            parent_in_tree, _, _ = list(places(tree))[number]
            if index is None:
                setattr(parent_in_tree, field, changed)
            else:
                getattr(parent_in_tree, field)[index] = changed
            ast.fix_missing_locations(tree)
            yield Mutant(file, node.lineno, " ".join(what.split()), tree)


class Loader(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Loads the module of a mutant in place of the file's."""

    def __init__(self, mutant: Mutant) -> None:
        parts = mutant.file.relative_to(SOURCE).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.mutant = mutant

    def find_spec(self, name: str, path: object = None, target: object = None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(
            name,
            self.mutant.file,
            loader=self,
            submodule_search_locations=[str(self.mutant.file.parent)] if self.is_package else None,
        )

    def exec_module(self, module: object) -> None:
        exec(compile(self.mutant.tree, str(self.mutant.file), "exec"), module.__dict__)


def run_tests(tests: list[str]) -> int:
    """Runs the tests in this process, without output."""
    import pytest

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    quiet = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "--assert=plain"]
    return pytest.main([*quiet, *DESELECTED, *tests])


def outcome(mutant: Mutant | None, tests: list[str]) -> str:
    """What the tests make of a mutant, or of the sources as they are: "caught", "survived" or "too slow"."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            if mutant is not None:
                sys.meta_path.insert(0, Loader(mutant))
            status = int(run_tests(tests))
        finally:
            os._exit(status)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "caught"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too slow"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", nargs="*", type=Path, help="Python sources under python/")
    parser.add_argument("--tests", nargs="+", help="what is run for each mutant")
    parser.add_argument("--only", help="numbers of mutants of a file, separated by commas")
    parser.add_argument("--sample", type=int, help="so many mutants of all files, at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    options = parser.parse_args()
    files = [file.resolve() for file in options.files] or sorted(CONVERSION.rglob("*.py"))

    os.chdir(ROOT)
    sys.path[:0] = [str(SOURCE), str(ROOT)]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Imported once, for all forks. The package itself is imported by each fork.
    for name in ("hypothesis", "numpy", "pytest", "tensorflow"):
        importlib.import_module(name)

    tests = {file: options.tests or tests_of(file) for file in files}
    for group in {tuple(group) for group in tests.values()}:
        if outcome(None, list(group)) != "survived":
            print(f"tests fail without any change: {' '.join(group)}", file=sys.stderr)
            return 2
    chosen = [(file, number) for file in files for number in range(sum(1 for _ in mutants_of(file)))]
    print(f"{len(chosen)} mutants of {len(files)} files", flush=True)
    if options.only:
        numbers = {int(number) for number in options.only.split(",")}
        chosen = [(file, number) for file, number in chosen if number in numbers]
    if options.sample is not None:
        rng = random.Random(options.seed)
        chosen = sorted(rng.sample(chosen, min(options.sample, len(chosen))))
    counts: Counter[str] = Counter()
    for file, of_file in itertools.groupby(chosen, lambda place: place[0]):
        mutants = list(mutants_of(file))
        for _, number in of_file:
            found = outcome(mutants[number], tests[file])
            counts[found] += 1
            if found != "caught":
                print(f"{found}: [{number}] {mutants[number]}", flush=True)
        print(f"{file.relative_to(ROOT)}: so far {dict(counts)}", flush=True)
    return int(counts["survived"] > 0)


def tests_of(file: Path) -> list[str]:
    """The tests of the part of conversion that a file is in."""
    place = f"{file.relative_to(CONVERSION)}" if file.is_relative_to(CONVERSION) else ""
    return next(tests for part, tests in TESTS.items() if place.startswith(part) or part == "")


if __name__ == "__main__":
    sys.exit(main())
