"""Files that are hostile, broken or of older versions."""

import json
import re
import struct

import h5py
import numpy as np
import pytest

import cnn2snn
from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.quantizeml import is_quantizeml_h5, read_h5
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from tests.conversion.quantizeml.files import FIXTURES, changed, small
from tests.fresh_interpreter import run_without_keras

KERNEL = "model_weights/conv/conv/kernel:0"


@pytest.fixture
def path(tmp_path):
    return small().save(tmp_path)


def replace(path, change):
    with h5py.File(path, "r+") as file:
        del file[KERNEL]
        change(file)


def test_a_small_model_is_read(path):
    network = read_h5(path)
    assert list(network.nodes) == ["input_1", "conv", "relu", "flatten", "dense", "dequantizer"]
    assert network.nodes["conv"].variables["kernel"].shape == (3, 3, 3, 2)
    assert [layer.type_name for layer in plan_model(network).layers] == ["InputConv2D", "Dense1D", "Dequantizer"]


def test_reading_needs_no_tensorflow(path):
    result = run_without_keras(
        """
        from cnn2snn.conversion.akida2 import plan_model
        from cnn2snn.conversion.quantizeml import read_h5
        print(len(plan_model(read_h5("model.h5")).layers))
        """,
        path.parent,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["3"]


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        read_h5(tmp_path / "none.h5")


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    path = tmp_path / "text.h5"
    path.write_text("no model")
    with pytest.raises(InvalidArgumentError, match="not an HDF5 file"):
        read_h5(path)


def test_a_truncated_file_is_refused(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidArgumentError, match=r"model\.h5"):
        read_h5(path)


@pytest.mark.parametrize("seed", range(5))
def test_damaged_structures_are_refused(path, seed):
    """Bytes behind the signature of a group's names or of its index are overwritten."""
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    places = [match.start() for match in re.finditer(rb"TREE|SNOD|HEAP", data)]
    for place in places[1:]:
        data[place + 4 : place + 40] = random.integers(0, 256, 36, np.uint8).tobytes()
    path.write_bytes(data)
    with pytest.raises(InvalidArgumentError, match=r"model\.h5"):
        read_h5(path)


def first_text(path):
    """Where the first object of the texts of a file lies: its index, two fields, its length in 8 bytes."""
    return path.read_bytes().index(b"GCOL") + 16


def overwrite(path, place, layout, *values):
    data = bytearray(path.read_bytes())
    struct.pack_into(layout, data, place, *values)
    path.write_bytes(data)


def reference(path, text):
    """Where an attribute refers to the last text with this length: its length, and a place in the file."""
    data = path.read_bytes()
    collections = [match.start() for match in re.finditer(b"GCOL", data)]
    return max(data.rfind(struct.pack("<IQ", len(text), place)) for place in collections)


@pytest.mark.parametrize(
    ("index", "length"),
    [(1, 2**64 - 16), (1, 2**64 - 1), (1, 2**63), (0, 0), (0, 8), (0, 2**64 - 16), (1, 2**20)],
    ids=["to itself", "past zero", "far back", "empty", "too short", "back", "past the end"],
)
@pytest.mark.parametrize("read", [read_h5, is_quantizeml_h5, cnn2snn.convert])
def test_texts_that_the_hdf5_library_would_read_for_ever_are_refused(path, index, length, read):
    overwrite(path, first_text(path), "<HHIQ", index, 1, 0, length)
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read(path)


@pytest.mark.parametrize("size", [0, 16, 4095, 2**32, 2**63, 2**64 - 1])
def test_texts_that_do_not_fit_the_file_are_refused(path, size):
    overwrite(path, first_text(path) - 8, "<Q", size)
    with pytest.raises(InvalidArgumentError, match="damaged"):
        read_h5(path)


def test_weights_that_look_like_texts_by_chance_are_read(path):
    values = np.frombuffer((b"GCOL\x01" * 44)[:216], np.float32)
    replace(path, lambda file: file.create_dataset(KERNEL, data=values.reshape(3, 3, 3, 2)))
    np.testing.assert_array_equal(read_h5(path).nodes["conv"].variables["kernel"].ravel(), values)


@pytest.mark.parametrize("level", [1, 255])
@pytest.mark.parametrize("node", [0, 1, -1])
def test_a_tree_of_names_that_leads_to_itself_is_refused(path, node, level):
    places = [match.start() for match in re.finditer(b"TREE", path.read_bytes())]
    overwrite(path, places[node] + 5, "<BH", level, 1)
    overwrite(path, places[node] + 32, "<Q", places[node])
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read_h5(path)


@pytest.mark.parametrize("heap", [0, 1, -1])
def test_free_blocks_that_lead_to_themselves_are_refused(path, heap):
    data = path.read_bytes()
    place = [match.start() for match in re.finditer(b"HEAP", data)][heap]
    offset, segment = struct.unpack_from("<QQ", data, place + 16)
    overwrite(path, segment + offset, "<Q", offset)
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read_h5(path)


def test_free_blocks_of_names_that_were_deleted_are_read(path):
    with h5py.File(path, "r+") as file:
        for i in range(40):
            file["model_weights"].create_group(f"more_{i}" * (i + 1))
        for i in range(0, 40, 3):
            del file["model_weights"][f"more_{i}" * (i + 1)]
    assert "kernel" in read_h5(path).nodes["conv"].variables


def test_a_tree_of_names_of_several_levels_is_read(path):
    with h5py.File(path, "r+") as file:
        for i in range(600):
            file["model_weights"].create_group(f"more_{i}")
    data = path.read_bytes()
    assert max(data[match.start() + 5] for match in re.finditer(b"TREE\0", data)) == 1
    assert "kernel" in read_h5(path).nodes["conv"].variables


def test_collections_that_share_their_objects_take_no_time(path):
    """Each would be gone through to the end of the file."""
    header = struct.pack("<8sQ", b"GCOL\x01", 4096)
    path.write_bytes(path.read_bytes() + header * 20_000)
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read_h5(path)


@pytest.mark.parametrize(("sizes", "user_block"), [((4, 4), 0), ((8, 8), 512)])
def test_files_of_another_layout_are_refused(tmp_path, sizes, user_block):
    properties = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    properties.set_sizes(*sizes)
    properties.set_userblock(user_block)
    path = tmp_path / "other.h5"
    h5py.h5f.create(bytes(path), h5py.h5f.ACC_TRUNC, properties).close()
    with pytest.raises(InvalidArgumentError, match=r"sizes of 8 bytes and no user block"):
        read_h5(path)


def test_a_list_of_many_texts_at_one_place_is_refused(path):
    with h5py.File(path, "r+") as file:
        file["model_weights/conv"].attrs["weight_names"] = ["conv/kernel:0"] * 100
    with pytest.raises(InvalidArgumentError, match="'weight_names' of '/model_weights/conv' must have at most 16"):
        read_h5(path)


@pytest.mark.parametrize("length", [2**20, 2**31, 2**32 - 1])
@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
@pytest.mark.parametrize("read", [read_h5, is_quantizeml_h5])
def test_a_text_longer_than_its_file_is_refused(path, libver, length, read):
    with h5py.File(path) as file:
        config = file.attrs["model_config"]
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs["model_config"] = config
    overwrite(path, reference(path, config), "<I", length)
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read(path)


@pytest.mark.parametrize("number", [0, 1])
def test_a_name_longer_than_its_file_is_refused(path, number):
    names = ["conv/kernel:0", "conv/bias"]
    with h5py.File(path, "r+") as file:
        file["model_weights/conv"].attrs["weight_names"] = names
    overwrite(path, reference(path, names[number]), "<I", 2**31)
    with pytest.raises(InvalidArgumentError, match="is not sound"):
        read_h5(path)


def test_texts_count_each_time_they_are_read(path, monkeypatch):
    monkeypatch.setattr("cnn2snn.conversion.quantizeml.h5_objects._EXPANSION", 0.02)
    with pytest.raises(InvalidArgumentError, match="its texts and arrays take more than"):
        read_h5(path)


def test_weights_alone_are_refused(path):
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    with pytest.raises(InvalidArgumentError, match="model_config"):
        read_h5(path)


@pytest.mark.parametrize(
    "value",
    ["{", '"a"', "[]", "{}", '{"class_name": "Functional"}', "[" * 100_000, '{"class_name": 3, "config": {}}'],
    ids=["cut", "text", "list", "empty", "no config", "deep", "wrong type"],
)
def test_a_configuration_that_is_not_one_of_a_model_is_refused(path, value):
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = value
    with pytest.raises((InvalidArgumentError, UnsupportedModelError), match=r"configuration|class_name"):
        read_h5(path)


def test_a_configuration_that_is_no_text_is_refused(path):
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = np.zeros(3)
    with pytest.raises(InvalidArgumentError, match="must be a text"):
        read_h5(path)


def test_a_configuration_in_another_encoding_is_refused(path):
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = np.bytes_(b"\xff\xfe")
    with pytest.raises(InvalidArgumentError, match="UTF-8"):
        read_h5(path)


@pytest.mark.parametrize("value", ["conv/kernel:0", [["conv/kernel:0"]], np.zeros(1), h5py.Empty("f4")])
def test_names_of_variables_that_are_no_list_of_texts_are_refused(path, value):
    with h5py.File(path, "r+") as file:
        file["model_weights/conv"].attrs["weight_names"] = value
    with pytest.raises(InvalidArgumentError, match="attribute 'weight_names' of '/model_weights/conv' must"):
        read_h5(path)


def test_a_text_longer_than_its_limit_is_refused(path, monkeypatch):
    monkeypatch.setattr("cnn2snn.conversion.quantizeml.h5_objects._LONGEST_TEXT", 10)
    with pytest.raises(InvalidArgumentError, match="at most 10"):
        read_h5(path)


def test_a_missing_dataset_is_named(path):
    replace(path, lambda file: None)
    with pytest.raises(InvalidArgumentError, match="'model_weights/conv/conv/kernel:0' does not exist"):
        read_h5(path)


def test_a_missing_group_is_named(path):
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv"]
    with pytest.raises(InvalidArgumentError, match="'model_weights/conv' does not exist"):
        read_h5(path)


def test_a_dataset_in_the_place_of_a_group_is_refused(path):
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv"]
        file["model_weights/conv"] = np.zeros(3, np.float32)
    with pytest.raises(InvalidArgumentError, match="must be a group"):
        read_h5(path)


def test_a_group_in_the_place_of_a_dataset_is_refused(path):
    replace(path, lambda file: file.create_group(KERNEL))
    with pytest.raises(InvalidArgumentError, match="must be a dataset"):
        read_h5(path)


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/model_weights/dense/dense/kernel:0"), h5py.ExternalLink("other.h5", "/kernel")]
)
def test_links_are_not_followed(path, link):
    with h5py.File(path.parent / "other.h5", "w") as file:
        file["kernel"] = np.zeros((3, 3, 3, 2), np.float32)
    replace(path, lambda file: file.__setitem__(KERNEL, link))
    with pytest.raises(InvalidArgumentError, match="received a link"):
        read_h5(path)


def test_a_group_that_holds_itself_is_no_endless_path(path):
    with h5py.File(path, "r+") as file:
        group = file["model_weights/conv"]
        group["itself"] = group
        group.attrs["weight_names"] = ["itself/" * 5 + "conv/kernel:0"]
    assert "kernel" in read_h5(path).nodes["conv"].variables


@pytest.mark.parametrize("dtype", ["f8", "i4", "f2", "S4"])
def test_a_dataset_of_another_type_is_refused(path, dtype):
    replace(path, lambda file: file.create_dataset(KERNEL, (3, 3, 3, 2), dtype))
    with pytest.raises(InvalidArgumentError, match="must be float32"):
        read_h5(path)


def test_a_dataset_of_the_other_byte_order_is_read(path):
    values = np.arange(54, dtype=np.float32).reshape(3, 3, 3, 2)
    replace(path, lambda file: file.create_dataset(KERNEL, data=values.astype(">f4")))
    np.testing.assert_array_equal(read_h5(path).nodes["conv"].variables["kernel"], values)


def test_a_huge_dataset_without_values_is_refused(path):
    replace(path, lambda file: file.create_dataset(KERNEL, (2**20, 2**20), "f4"))
    with pytest.raises(InvalidArgumentError, match="holds no values"):
        read_h5(path)


@pytest.mark.parametrize("packing", [{"chunks": (3, 3, 3, 1)}, {"compression": "gzip"}, {"maxshape": (None,) * 4}])
def test_values_in_chunks_are_refused(path, packing):
    values = np.zeros((3, 3, 3, 2), np.float32)
    replace(path, lambda file: file.create_dataset(KERNEL, data=values, **packing))
    with pytest.raises(InvalidArgumentError, match="must be stored in one piece"):
        read_h5(path)


def test_one_dataset_that_many_layers_share_counts_each_time(tmp_path):
    model = small()
    config = model.config()
    path = model.save(tmp_path)
    with h5py.File(path, "r+") as file:
        shared = file.create_dataset("shared", data=np.zeros((64, 1024), np.float32))
        for i in range(40):
            name = f"more_{i}"
            config["config"]["layers"].append(
                {"class_name": "QuantizedDense", "config": {"name": name}, "name": name, "inbound_nodes": []}
            )
            group = file.create_group(f"model_weights/{name}")
            group["kernel:0"] = shared
            group.attrs["weight_names"] = ["kernel:0"]
        config["config"]["layers"].append(config["config"]["layers"].pop(5))
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(InvalidArgumentError, match="more than 16 times"):
        read_h5(path)


def test_values_outside_of_the_file_are_refused(path):
    raw = path.parent / "raw.bin"
    raw.write_bytes(bytes(216))
    replace(path, lambda file: file.create_dataset(KERNEL, (3, 3, 3, 2), "f4", external=[(str(raw), 0, 216)]))
    with pytest.raises(InvalidArgumentError, match="in the file itself"):
        read_h5(path)


def test_a_virtual_dataset_is_refused(path):
    layout = h5py.VirtualLayout((3, 3, 3, 2), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "kernel", (3, 3, 3, 2))
    replace(path, lambda file: file.create_virtual_dataset(KERNEL, layout))
    with pytest.raises(InvalidArgumentError, match="in the file itself"):
        read_h5(path)


def test_a_variable_that_the_class_does_not_have_is_refused(path):
    with h5py.File(path, "r+") as file:
        group = file["model_weights/conv"]
        group["gamma:0"] = np.zeros(2, np.float32)
        group.attrs["weight_names"] = ["conv/kernel:0", "gamma:0"]
    with pytest.raises(InvalidArgumentError, match="no variable 'gamma:0'"):
        read_h5(path)


def test_a_variable_that_is_there_twice_is_refused(path):
    with h5py.File(path, "r+") as file:
        file["model_weights/conv"].attrs["weight_names"] = ["conv/kernel:0", "conv/kernel:0"]
    with pytest.raises(InvalidArgumentError, match="two variables 'kernel'"):
        read_h5(path)


def test_the_folders_before_the_name_of_a_variable_do_not_matter(path):
    with h5py.File(path, "r+") as file:
        group = file["model_weights/conv"]
        group.move("conv/kernel:0", "older/quantizer/kernel:0")
        group.attrs["weight_names"] = ["older/quantizer/kernel:0"]
    assert "kernel" in read_h5(path).nodes["conv"].variables


def test_variables_behind_the_dequantizer_stay_in_the_file(tmp_path):
    model = small()
    model.add("Dense", "head", variables={"kernel": np.zeros((5, 2))}, units=2)
    network = read_h5(model.save(tmp_path))
    assert "head" not in network.nodes
    assert network.ignored == ("head",)


def test_float_layers_behind_the_dequantizer_may_be_of_any_form(tmp_path):
    model = small()
    keywords = {"y": 3, "name": None}
    for name, cls, nodes in (
        ("add", "TFOpLambda", [["dequantizer", 0, 0, keywords]]),
        ("twice", "Dense", [[["add", 0, 0, {}]], [["add", 0, 0, {}]]]),
        ("nested", "Functional", [[["twice", 1, 0, {}]]]),
    ):
        entry = {"class_name": cls, "config": {"name": name}, "name": name, "inbound_nodes": nodes}
        model.layers.append(entry)
        model.variables[name] = {}
    network = read_h5(model.save(tmp_path))
    assert network.ignored == ("add", "twice", "nested")
    assert len(plan_model(network).layers) == 3


def test_layers_that_read_each_other_are_refused(tmp_path):
    def ring(layers):
        layers["conv2d"]["inbound_nodes"] = [[["re_lu", 0, 0, {}]]]

    with pytest.raises(UnsupportedModelError, match='must stand before it in the model, "re_lu" does not'):
        read_h5(changed("flat_int8_tensor", tmp_path, ring))


def test_a_layer_that_does_not_exist_is_named(tmp_path):
    def dangling(layers):
        layers["conv2d"]["inbound_nodes"] = [[["nothing", 0, 0, {}]]]

    with pytest.raises(UnsupportedModelError, match='"nothing" does not'):
        read_h5(changed("flat_int8_tensor", tmp_path, dangling))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"args": []}, "must be a list of Keras 2"),
        ([[["input_1", 1, 0, {}]]], "must be the first tensor"),
        ([[["input_1", 0]]], "must be the first tensor"),
        ([[[3, 0, 0, {}]]], "must be the first tensor"),
        ([[["input_1", 0, 0, {"scale": 3}]]], "the keyword 'scale'"),
        ([[["input_1", 0, 0, {}]], [["input_1", 0, 0, {}]]], "a layer can be used once, received 2 uses"),
    ],
)
def test_inbounds_of_another_form_are_refused(tmp_path, nodes, message):
    def change(layers):
        layers["conv2d"]["inbound_nodes"] = nodes

    with pytest.raises(UnsupportedModelError, match=message):
        read_h5(changed("flat_int8_tensor", tmp_path, change))


def test_two_layers_of_one_name_are_refused(tmp_path):
    def change(layers):
        layers["dense_1"]["name"] = layers["dense_1"]["config"]["name"] = "dense"

    with pytest.raises(UnsupportedModelError, match='two layers have the name "dense"'):
        read_h5(changed("flat_int8_tensor", tmp_path, change))


def test_a_sequential_model_is_read(path):
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])["config"]
        for entry in config["layers"]:
            del entry["inbound_nodes"]
        sequential = {"class_name": "Sequential", "config": {"name": "model", "layers": config["layers"]}}
        file.attrs["model_config"] = json.dumps(sequential)
    layers = plan_model(read_h5(path)).layers
    assert [layer.name for layer in layers] == ["conv", "dense", "dequantizer"]


def test_a_layer_name_with_a_slash_is_a_path_of_groups():
    network = read_h5(FIXTURES / "ds_cnn_kws_i8_w8_a8.h5")
    assert any("/" in name for name in network.nodes)


def test_files_with_changed_bytes_are_read_or_refused(path):
    """Bytes and addresses change; the process must neither hang nor end."""
    result = run_without_keras(
        """
        import random, struct
        from pathlib import Path
        from cnn2snn.conversion.quantizeml import read_h5
        from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

        path = Path("model.h5")
        whole = path.read_bytes()
        words = [at for at in range(0, len(whole) - 8, 8) if 0 < struct.unpack_from("<Q", whole, at)[0] < len(whole)]
        counts = dict.fromkeys(("read", "refused"), 0)
        for seed in range(600):
            choose, data = random.Random(seed), bytearray(whole)
            for _ in range(choose.choice([1, 1, 2, 8])):
                if choose.random() < 0.6:
                    at = choose.choice(words)
                    (other,) = struct.unpack_from("<Q", whole, choose.choice(words))
                    struct.pack_into("<Q", data, at, choose.choice([other, choose.choice(words)]))
                else:
                    data[choose.randrange(len(data))] = choose.choice([0, 255, choose.randrange(256)])
            path.write_bytes(data)
            try:
                read_h5(path)
                counts["read"] += 1
            except (InvalidArgumentError, UnsupportedModelError):
                counts["refused"] += 1
        print(*counts.values())
        """,
        path.parent,
    )
    assert result.returncode == 0, result.stderr
    assert min(map(int, result.stdout.split())) > 50
