"""What a model prints."""

import textwrap

import pytest

from cnn2snn import akida


def test_summary_of_a_chain(model, capsys):
    assert model.summary() is None
    expected = """\
    Model summary

    Input shape   Output shape   Layers
    -----------------------------------
    [8, 6, 3]     [1, 1, 10]          4

    Layer (type)            Output shape   Kernel shape
    ----------------------------------------------------
    image (InputConv.)      [8, 6, 4]      (3, 3, 3, 4)
    separable (Sep.Conv.)   [4, 3, 5]      (3, 3, 4, 1)
                                           (1, 1, 4, 5)
    conv (Conv.)            [4, 3, 6]      (3, 1, 5, 6)
    classes (Fully.)        [1, 1, 10]     (1, 1, 72, 10)
    """
    lines = [line.rstrip("-") for line in capsys.readouterr().out.splitlines()]
    wanted = [line.rstrip("-") for line in textwrap.dedent(expected).splitlines()]
    assert lines == wanted


def test_summary_of_a_graph_names_inbounds(capsys):
    source = akida.InputData((1, 1, 2), name="source")
    model = akida.Model(layers=[source, akida.FullyConnected(3, "left")])
    model.add(akida.FullyConnected(4, "right"), [source])
    model.add(akida.Concat("join"), model.layers[1:])
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[6].split() == ["Layer", "(type)", *"Output shape Kernel shape Inbounds".split()]
    assert lines[-2].endswith("(1, 1, 2, 4)   source")
    assert lines[-1].endswith("N/A            left, right")


def test_summary_without_layers(capsys):
    akida.Model().summary()
    assert capsys.readouterr().out == "Model without layers\n"


@pytest.mark.parametrize("length", [5, 40, 200])
def test_summary_fits_80_columns_whatever_the_names(length, capsys):
    name = "a" * (length - 1) + "z"
    model = akida.Model(
        layers=[
            akida.InputData((1, 1, 2)),
            akida.FullyConnected(3, name, activation=False),
        ]
    )
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "z (Fully.)" in lines[-1]


def test_html_is_escaped():
    model = akida.Model(layers=[akida.InputData((1, 1, 2), name="<b>&")])
    html = model._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
