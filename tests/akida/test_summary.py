"""What a model prints."""

import textwrap

import pytest

from cnn2snn import akida
from tests.akida.akida2_models import model_of_every_layer, stateful_model


def test_summary_of_a_chain(model, capsys):
    assert model.summary() is None
    expected = """\
    Model summary

    Input shape   Output shape   Sequences   Layers
    -----------------------------------------------
    [8, 6, 3]     [1, 1, 10]             1        4

    Layer (type)            Output shape   Kernel shape
    ----------------------------------------------------
    == SW/image-classes (Software)
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


def test_summary_of_akida2_has_every_kernel_and_short_types(capsys):
    expected = """\
    Model summary

    Input shape   Output shape   Sequences   Layers
    -----------------------------------------------
    [8, 6, 3]     [1, 1, 3]              1       11

    Layer (type)            Output shape   Kernel shape   Inbounds
    -----------------------------------------------------------------
    == SW/quantizer-floats (Software)
    quantizer (Quantizer)   [8, 6, 3]      N/A            N/A
    image (InputConv2D)     [4, 3, 4]      (3, 3, 3, 4)   quantizer
    left (Conv2DT.)         [8, 6, 4]      (3, 3, 4, 4)   image
    right (Dw.Conv2DT.)     [8, 6, 4]      (4, 4, 4, 1)   image
    sum (Add)               [8, 6, 4]      N/A            left, right
    join (Concatenate)      [8, 6, 8]      N/A            sum, left
    table (Dw.Conv2D)       [8, 6, 8]      (3, 3, 8, 1)   join
    pooled (Conv2D)         [4, 3, 5]      (3, 3, 8, 5)   table
    average (Conv2D)        [1, 1, 6]      (1, 1, 5, 6)   pooled
    classes (Dense1D)       [1, 1, 3]      (6, 3)         average
    floats (Dequantizer)    [1, 1, 3]      N/A            classes
    """
    assert lines_of(model_of_every_layer(), capsys) == textwrap.dedent(expected).splitlines()
    rows = lines_of(stateful_model(), capsys)[9:]
    assert [row.split("   ")[0] for row in rows] == [
        "rows (InputData)",
        "queue (Temp.Conv.)",
        "depthwise (Dw.Temp.Conv.)",
        "states (Recurrent)",
        "",
        "decision (PicoPost.)",
    ]
    assert rows[3].split()[-3:-1] == ["(3,", "4)"]
    assert rows[4].split() == ["(4,", "2)"]


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


def lines_of(model, capsys):
    model.summary()
    return capsys.readouterr().out.splitlines()


def mapped(mode, device="AKD1000"):
    """A model with separable layers, mapped."""
    options = {"weights_bits": 4, "act_bits": 4}
    layers = [akida.InputConvolutional((49, 10, 1), (5, 5), 64, "conv_0", kernel_stride=(2, 2), act_bits=4)]
    layers += [akida.SeparableConvolutional((3, 3), 64, f"separable_{i}", **options) for i in (1, 2)]
    model = akida.Model(layers=[*layers, akida.FullyConnected(33, "dense", weights_bits=4, activation=False)])
    model.map(device, mode=mode)
    return model


def test_summary_of_a_mapped_model_shows_units_and_program(capsys):
    lines = lines_of(mapped(akida.MapMode.Minimal), capsys)
    head = lines[2:5]
    assert head[0].split() == "Input shape Output shape Sequences Layers NPs External memory (bytes)".split()
    assert head[2].split()[-4:] == ["1", "4", "3", "132000"]
    assert [line.split() for line in lines[8:11]] == [["HRC", "1"], ["CNP1", "2"], ["FNP2", "1"]]
    assert lines[12].split()[-1] == "Components"
    assert lines[14].startswith("== HW/conv_0-dense (Hardware) - size: about ")
    assert lines[15].endswith("1 HRC")
    assert lines[16].endswith("1 CNP1")
    assert lines[20].endswith("1 FNP2")


def test_summary_of_several_passes_numbers_them(capsys):
    device = akida.create_device(num_cnp_tnp=3, num_fnp=1, hw_version=akida.NSoC_v2)
    lines = lines_of(mapped(akida.MapMode.HwPr, device), capsys)
    assert lines[12].split()[-2:] == ["Components", "Pass"]
    assert lines[14].startswith("== HW/conv_0-dense (Hardware, 2 passes)")
    assert [line[-1] for line in lines[15:] if "." in line] == ["1", "1", "2", "2"]
    assert max(map(len, lines)) <= 80
