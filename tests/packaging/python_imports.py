"""What the modules of a Python package import of each other, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


class Package:
    """The modules of a package.

    Attributes:
        files: the file of each module.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.files = {_module(folder.parent, path): path for path in sorted(folder.rglob("*.py"))}

    def imports(self, *, annotations: bool) -> dict[str, set[str]]:
        """The imports of every module, imports inside functions included.

        Args:
            annotations: whether imports that type checkers alone run are included.

        Returns:
            By module: the modules of the package that it imports, and the top-level names of other packages. A name
            that is imported from a package counts as the module of this name where there is one, else as the package.
        """
        found = {}
        for module, path in self.files.items():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            folder = module if path.name == "__init__.py" else module.rpartition(".")[0]
            found[module] = {name for node in _statements(tree, annotations) for name in self._names(node, folder)}
        return found

    def _names(self, node: ast.Import | ast.ImportFrom, folder: str) -> Iterator[str]:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            source = node.module or ""
            if node.level:
                above = folder.split(".")[: folder.count(".") + 2 - node.level]
                source = ".".join([*above, source] if source else above)
            members = [f"{source}.{alias.name}" for alias in node.names]
            names = [member if member in self.files else source for member in members]
        for name in names:
            own = name.partition(".")[0] == self.name
            yield name if own else name.partition(".")[0]


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _statements(node: ast.AST, annotations: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements in a piece of code."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and not annotations and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield from _statements(child, annotations)


def rings(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other by imports, each sorted."""
    reach = {module: _reachable(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in found if module in reach[other]))
        for module, found in reach.items()
        if module in found
    }
    return sorted(map(list, groups))


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()]:
            if name in graph and name not in found:
                found.add(name)
                waiting.append(name)
    return found
