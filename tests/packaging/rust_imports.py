"""What the files of a Rust crate import from each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

# Items at the left margin, where rustfmt puts those of a file.
_ITEM = re.compile(
    r'^(?:pub(?:\([^)]*\))? )?(?:default |const |unsafe |async |extern "C" )*'
    r"(?:fn|struct|enum|union|trait|type|const|static|macro_rules!) (\w+)",
    re.MULTILINE,
)
_MODULE = re.compile(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", re.MULTILINE)
_USE = re.compile(r"^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);", re.MULTILINE)
_PATH = re.compile(r"(?<![\w:])((?:crate|super|self)(?:::\w+)+)")
_TESTS = re.compile(
    r"^#\[cfg\((?:all\()?test\b[^\n]*\n(?:#\[[^\n]*\n)*(?:pub(?:\(crate\))? )?(?:mod|use|extern)\b", re.M
)


def code_of(text: str) -> str:
    """Rust source without comments, strings and tests."""
    text = re.sub(r'//[^\n]*|"(?:\\.|[^"\\])*"', "", text, flags=re.DOTALL)  # a backslash may end a line of a string
    while match := _TESTS.search(text):
        opened = text.find("{", match.end())
        ended = text.find(";", match.end())
        end = ended + 1 if ended != -1 and (opened == -1 or ended < opened) else _closing(text, opened)
        text = text[: match.start()] + text[end:]
    return text


def _closing(text: str, opened: int) -> int:
    """The place after the brace that closes the one at `opened`."""
    depth = 0
    for place in range(opened, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def leaves(tree: str) -> list[tuple[str, str]]:
    """The paths that a `use` names, each with the name that it gives."""
    tree = " ".join(tree.split())
    if "{" not in tree:
        path, _, name = tree.partition(" as ")
        if path.endswith("::self"):
            path = path.removesuffix("::self")
        return [(path, name or path.rpartition("::")[2])]
    head, _, rest = tree.partition("{")
    found, depth, start = [], 0, 0
    inside = rest.rpartition("}")[0] + ","
    for place, char in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            if part := inside[start:place].strip():
                found += leaves(head + part)
            start = place + 1
    return found


@dataclass
class Module:
    """A file of a crate.

    Attributes:
        file: its path.
        items: the names that it defines.
        children: the names of the modules in it that are files.
        names: every name that a `use` gives it, with the path.
        paths: the paths that its code names, re-exports left out.
    """

    file: Path
    items: set[str]
    children: set[str]
    names: dict[str, str] = field(default_factory=dict)
    globs: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)


class Crate:
    """The files of a crate by their module paths, such as "crate::model::layer".

    Args:
        root: the file of the crate itself.
    """

    def __init__(self, root: Path) -> None:
        self.modules: dict[str, Module] = {}
        self._read("crate", root)

    def _read(self, path: str, file: Path) -> None:
        code = code_of(file.read_text(encoding="utf-8"))
        module = Module(file, set(_ITEM.findall(code)), set(_MODULE.findall(code)))
        self.modules[path] = module
        for public, tree in _USE.findall(code):
            for target, name in leaves(tree):
                if name == "*":
                    module.globs.append(target.removesuffix("::*"))
                else:
                    module.names[name] = target
                if not public:
                    module.paths.add(target.removesuffix("::*"))
        module.paths |= set(_PATH.findall(_USE.sub("", code)))
        folder = file.parent if file.stem in ("lib", "main", "mod") else file.parent / file.stem
        for child in module.children:
            places = (folder / f"{child}.rs", folder / child / "mod.rs")
            self._read(f"{path}::{child}", next(place for place in places if place.exists()))

    def resolve(self, inside: str, path: str, seen: frozenset[tuple[str, str]] = frozenset()) -> str | None:
        """The module that defines what a path in module `inside` names; None for what is not of this crate."""
        if (inside, path) in seen:
            return None
        seen |= {(inside, path)}
        first, _, rest = path.partition("::")
        if first in ("crate", "self"):
            return self._descend("crate" if first == "crate" else inside, rest, seen)
        if first == "super":
            # A module inside a file has the file for its parent.
            parent = inside.rpartition("::")[0] or inside
            return self.resolve(parent, rest if rest.startswith("super") else f"self::{rest}", seen)
        return self._descend(inside, path, seen, outside=True)

    def _descend(self, module: str, path: str, seen: frozenset[tuple[str, str]], outside: bool = False) -> str | None:
        if not path:
            return module
        name, _, rest = path.partition("::")
        known = self.modules[module]
        if name in known.children:
            return self._descend(f"{module}::{name}", rest, seen)
        if name in known.items:
            return module
        if name in known.names:
            target = known.names[name]
            return self.resolve(module, f"{target}::{rest}" if rest else target, seen)
        for target in known.globs:
            base = self.resolve(module, target, seen)
            found = base and self._descend(base, path, seen, outside=True)
            if found:
                return found
        # A macro makes it, or it is of another crate.
        return None if outside else module

    def imports(self) -> dict[str, set[str]]:
        """For each module, those whose items its code names; re-exports are no imports."""
        found: dict[str, set[str]] = {}
        for name, module in self.modules.items():
            targets = {self.resolve(name, path) for path in module.paths}
            found[name] = {target for target in targets if target and target != name}
        return found
