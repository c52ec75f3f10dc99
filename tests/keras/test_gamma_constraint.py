"""The lower bound of gammas while a model is trained."""

import numpy as np
import pytest

from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.gamma_constraint import MinValueConstraint, add_gamma_constraint
from tests.keras.models import outputs


def test_model_keeps_names_weights_and_outputs(float_model, images):
    constrained = add_gamma_constraint(float_model)
    assert type(constrained) is type(float_model)
    assert [layer.name for layer in constrained.layers] == [layer.name for layer in float_model.layers]
    assert np.array_equal(outputs(constrained, images), outputs(float_model, images))
    for name in ("conv_bn", "separable_bn"):
        assert isinstance(constrained.get_layer(name).gamma_constraint, MinValueConstraint)
        assert float_model.get_layer(name).gamma_constraint is None


def test_training_raises_small_gammas_to_the_bound(float_model, images):
    float_model.get_layer("conv_bn").gamma.assign([-2.0, 0.0, 1e-3, 1.0])
    constrained = add_gamma_constraint(float_model)
    constrained.compile(keras.optimizers.SGD(1e-6), loss="mse")
    constrained.fit(images.astype(np.float32), np.zeros((16, 3)), verbose=0)
    gamma = np.asarray(constrained.get_layer("conv_bn").gamma)
    assert np.array_equal(gamma[:3], np.full(3, 1e-2, np.float32))
    assert gamma[3] > 0.9


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_constrained_model_is_saved_and_loaded_without_custom_objects(float_model, tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    add_gamma_constraint(float_model).save(path)
    loaded = keras.models.load_model(path)
    assert loaded.get_layer("conv_bn").gamma_constraint.min_value == 1e-2


def test_constraint_of_ones_own_is_replaced_with_a_warning():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.BatchNormalization(gamma_constraint="non_neg", name="bn")]
    )
    with pytest.warns(UserWarning, match='layer "bn": its gamma_constraint is replaced'):
        constrained = add_gamma_constraint(model)
    assert isinstance(constrained.get_layer("bn").gamma_constraint, MinValueConstraint)


def test_normalization_without_scale_is_left_as_it_is():
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(scale=False, name="bn")])
    assert add_gamma_constraint(model).get_layer("bn").gamma_constraint is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x", None])
def test_bound_that_is_no_number_is_refused(value):
    with pytest.raises(InvalidArgumentError, match="finite number"):
        MinValueConstraint(value)
