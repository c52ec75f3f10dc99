"""`CompatibilityReport`, made by hand: no Keras is needed."""

import json

from cnn2snn.reports.check import CompatibilityReport, Problem


def problem(layer="conv", device=None, remedy="use (1, 1)"):
    message = f'layer "{layer}": dilation_rate must be (1, 1), received (2, 2); {remedy}'
    return Problem(layer, "dilation_rate", "(2, 2)", "(1, 1)", remedy, device, message, "v1")


def test_every_problem_of_the_dictionary_is_in_the_text():
    report = CompatibilityReport("net", None, ("v1",), (problem("a"), problem("b")), (problem("c", "AKD1000"),))
    values = json.loads(json.dumps(report.to_dict()))
    assert (values["compatible"], values["convertible"]) == (False, False)
    assert [entry["layer"] for entry in [*values["problems"], *values["notes"]]] == ["a", "b", "c"]
    lines = report.text(200).splitlines()
    assert lines[0] == 'Model "net" is not compatible with Akida 1.0: 2 problems.'
    for number, entry in enumerate(values["problems"], 1):
        message, remedy = entry["message"], entry["remedy"]
        place = lines.index(f" {number}. L{message.removesuffix(f'; {remedy}')[1:]}.")
        assert lines[place + 1] == f"    -> U{remedy[1:]}."
    assert "Notes on AKD1000, which do not count:" in lines


def test_a_limit_of_a_chip_leaves_a_model_convertible():
    report = CompatibilityReport("net", "AKD1000", ("v1",), (problem(device="AKD1000"),), ())
    assert report.to_dict()["convertible"] is True
    assert report.text(100).startswith(
        'Model "net" is not compatible with AKD1000, though it can be converted: 1 problem.'
    )


def test_a_model_without_problems_is_compatible():
    report = CompatibilityReport("net", None, ("v1",), ())
    assert report.to_dict()["compatible"] is bool(report) is True
    assert report.text() == str(report) == 'Model "net" is compatible with Akida 1.0.'
    assert json.loads(report.to_json()) == report.to_dict() | {"problems": [], "notes": []}


def test_a_model_of_both_generations_needs_one_of_them():
    own = problem("a")
    other = Problem(own.layer, own.rule, own.received, own.allowed, own.remedy, None, own.message, "v2")
    report = CompatibilityReport("net", None, ("v1", "v2"), (own,))
    assert bool(report) is True
    assert (report.compatible_versions, report.convertible_versions) == (("v2",), ("v2",))
    assert "not compatible with Akida 1.0" in report.text(200)
    assert "is compatible with Akida 2.0" in report.text(200)
    assert not CompatibilityReport("net", None, ("v1", "v2"), (own, other))
    assert not CompatibilityReport("net", None, (), ())


def test_notes_of_conversion_stand_apart_from_those_of_a_device():
    notes = (problem("chip", "AKD1000"), problem("own"), problem("chip_2", "AKD1000"))
    lines = CompatibilityReport("net", None, ("v1",), (), notes).text(200).splitlines()
    heads = [lines.index(head) for head in ("Notes, which do not count:", "Notes on AKD1000, which do not count:")]
    places = [next(i for i, line in enumerate(lines) if f'"{name}"' in line) for name in ("own", "chip", "chip_2")]
    assert sorted([*heads, *places]) == [heads[0], places[0], heads[1], places[1], places[2]]
