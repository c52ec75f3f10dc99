"""The floors of the crates: what ARCHITECTURE.md says that a part must not know, no file of it imports."""

import re

import pytest

from tests.packaging.architecture import ROOT, part_of, parts
from tests.packaging.python_imports import rings
from tests.packaging.rust_imports import Crate, code_of

CRATES = {
    name: Crate(ROOT / "crates" / name / "src" / "lib.rs")
    for name in ("akida-sim", "akida-fbz", "akida-py", "akida-capi")
}
PARTS = parts("crates/")
FILES = [
    pytest.param(crate, module, id=f"{name}-{module}") for name, crate in CRATES.items() for module in crate.modules
]
# A model makes the builder that edits it, and the builder makes models.
ALLOWED_RING = ["crate::model::builder", "crate::model::model"]


def part(crate, module):
    return part_of(crate.modules[module].file.relative_to(ROOT).as_posix(), PARTS)


@pytest.mark.parametrize(("crate", "module"), FILES)
def test_every_file_has_a_row_in_the_table(crate, module):
    assert part(crate, module) is not None, f"ARCHITECTURE.md does not say what {module} is"


def test_every_row_names_files_that_exist():
    assert [path for row in PARTS for path in row.paths if not (ROOT / path).exists()] == []


def test_every_name_that_must_not_be_known_is_a_module_or_a_crate():
    modules = {name.removeprefix("crate::") for crate in CRATES.values() for name in crate.modules}
    names = {name for row in PARTS for name in row.unknown}
    assert names - modules <= {"pyo3", "numpy"}


@pytest.mark.parametrize(("crate", "module"), FILES)
def test_no_file_imports_what_its_part_must_not_know(crate, module):
    unknown = part(crate, module).unknown
    own = [f"crate::{name}" for name in unknown]
    found = [name for name in crate.imports()[module] if any(name == u or name.startswith(f"{u}::") for u in own)]
    others = {path.partition("::")[0] for path in crate.modules[module].paths}
    assert sorted(found) + sorted(others & set(unknown)) == []


@pytest.mark.parametrize("name", CRATES)
def test_no_files_import_each_other_in_a_ring(name):
    assert [ring for ring in rings(CRATES[name].imports()) if ring != ALLOWED_RING] == []


KINDS = set(
    re.search(
        r"^layers! \{(.*?)^\}", code_of((ROOT / "crates/akida-sim/src/model/layer/spec.rs").read_text()), re.M | re.S
    )
    .group(1)
    .replace(",", " ")
    .split()
)


def matches_on_layers(code):
    """The arms of every `match` one of whose arms is a variant of `LayerSpec`."""
    for match in re.finditer(r"\bmatch\b[^;{}]*\{", code):
        depth, arms, start = 1, [], match.end()
        for place in range(match.end(), len(code)):
            depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(code[place], 0)
            if depth == 0:
                break
            if depth == 1 and code.startswith("=>", place):
                arms.append(code[start:place])
            if depth == 1 and code[place] in ",}":
                start = place + 1
        if any(re.search(r"\bLayerSpec::[A-Z]", arm) for arm in arms):
            yield arms


@pytest.mark.parametrize(("crate", "module"), FILES)
def test_whoever_asks_for_the_type_of_a_layer_handles_every_type(crate, module):
    code = code_of(crate.modules[module].file.read_text())
    for arms in matches_on_layers(code):
        named = {kind for arm in arms for kind in re.findall(r"\bLayerSpec::(\w+)", arm)}
        catch_all = [arm.strip() for arm in arms if re.fullmatch(r"\s*(?:_|[a-z]\w*)(?: if .*)?\s*", arm, re.S)]
        assert not catch_all, f"{crate.modules[module].file}: the arm {catch_all[0]!r} answers for layers to come"
        assert named == KINDS, f"{crate.modules[module].file}: without {KINDS - named}"
    asked = re.findall(r"matches!\([^;]*?\bLayerSpec::[A-Z]\w*|\blet\s+(?:\w+\()*LayerSpec::[A-Z]\w*", code)
    assert not asked, f"{crate.modules[module].file}: {asked[0]!r} answers for layers to come; match every type"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("use crate::b::thing;", {"crate::b"}),
        ("use super::b::{self, thing};", {"crate::b"}),
        ("fn f() { crate::b::thing() }", {"crate::b"}),
        ("use crate::shown;", {"crate::b"}),
        ("pub use crate::b::thing;", set()),
        ("// use crate::b::thing;", set()),
        ('const A: &str = "a \\\n b";\nuse crate::b::thing;\nconst C: &str = "c";', {"crate::b"}),
        ("#[cfg(test)]\nmod tests {\n    use crate::b::thing;\n}", set()),
    ],
)
def test_imports_of_all_forms_are_found(source, expected, tmp_path):
    (tmp_path / "lib.rs").write_text("mod a;\nmod b;\npub use b::thing as shown;\n")
    (tmp_path / "a.rs").write_text(source)
    (tmp_path / "b.rs").write_text("pub fn thing() {}\n")
    assert Crate(tmp_path / "lib.rs").imports()["crate::a"] == expected


def test_a_match_that_leaves_a_type_to_a_wildcard_is_seen():
    code = "fn f(l: LayerSpec) -> u8 { match l { LayerSpec::Concat(_) => { 1 } _ => 0, } }"
    assert [[arm.strip() for arm in arms] for arms in matches_on_layers(code)] == [["LayerSpec::Concat(_)", "_"]]
