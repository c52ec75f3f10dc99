"""How the model of an HDF5 file was compiled, restored under Keras 3.

Keras 3 itself restores few of these: it looks losses up among metrics, refuses what Keras 2 writes of losses, metrics
and optimizers, and makes no variables for the optimizer, so that training cannot go on.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from cnn2snn._keras import keras

__all__ = ["restore"]

# Names of metrics whose meaning `compile` finds by the shape of outputs.
_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")
# Kinds of variables of Keras 2 optimizers, and what Keras 3 calls them.
_KINDS = {"m": "momentum", "v": "velocity", "rms": "velocity", "iter": "iteration"}


def restore(model: keras.Model, file: h5py.File, custom_objects: dict[str, Any]) -> bool:
    """Compiles a model as the one in a file was compiled, and gives its optimizer the variables of that one.

    Args:
        model: the model of the file, not compiled. It stays so where the file does not say how it was compiled.
        file: the open HDF5 file.
        custom_objects: classes and functions of the user's own by name.

    Returns:
        Whether the optimizer has all variables that it needs to go on as it would have.

    Raises:
        Exception: whatever Keras raises where a loss, a metric or the optimizer cannot be made.
    """
    if "training_config" not in file.attrs:
        return True
    config = json.loads(file.attrs["training_config"])
    with keras.utils.custom_object_scope(custom_objects):
        model.compile(
            optimizer=_made("optimizers", config["optimizer_config"]),
            loss=_each(config.get("loss"), _loss),
            metrics=_each(config.get("metrics"), _metric),
            weighted_metrics=_each(config.get("weighted_metrics"), _metric),
            loss_weights=config.get("loss_weights"),
        )
    # Before the first step of training Keras 3 would make them in a traced function, which it refuses.
    model.optimizer.build(model.trainable_variables)
    return "optimizer_weights" not in file or _set_state(model.optimizer, _state(file["optimizer_weights"]))


def _each(config: Any, make: Callable[[Any], Any]) -> Any:
    """What `make` makes of each description in a structure."""
    if config is None:
        return None
    if isinstance(config, (list, tuple)):
        return [_each(item, make) for item in config]
    if isinstance(config, dict) and "class_name" not in config:
        return {key: _each(item, make) for key, item in config.items()}
    return make(config)


def _made(module: str, config: dict[str, Any]) -> Any:
    """An object of a class of `keras.losses`, `keras.metrics` or `keras.optimizers`, without what Keras 2 adds."""
    name = config["class_name"].rpartition(">")[2]
    arguments = dict(config["config"])
    cls = keras.utils.get_registered_object(name) or getattr(getattr(keras, module), name, None)
    if cls is None:
        raise ValueError(f"the class {name!r} is not known")
    # The names of what Keras 2 writes beside the arguments: nothing is lost with them at these values.
    if arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"
    if arguments.get("decay"):
        raise ValueError(f"the optimizer has a decay of {arguments['decay']}, which Keras 3 does not know")
    if not arguments.get("use_ema"):
        arguments.pop("ema_overwrite_frequency", None)
    schedule = arguments.get("learning_rate")
    if isinstance(schedule, dict) and schedule["config"].get("name", "") is None:
        # Keras 2 writes what Keras 3 refuses.
        arguments["learning_rate"] = {
            **schedule,
            "config": {k: v for k, v in schedule["config"].items() if k != "name"},
        }
    parameters = inspect.signature(cls.__init__).parameters
    if name in vars(getattr(keras, module)):
        for extra in ("fn", "decay", "jit_compile", "is_legacy_optimizer"):
            if extra not in parameters:
                arguments.pop(extra, None)
    return cls.from_config(arguments)


def _named(module: Any, name: str) -> Any:
    """What a name stands for: of the user's own, or of `keras.losses` or `keras.metrics`."""
    return keras.utils.get_registered_object(name) or module.get(name)


def _loss(config: Any) -> Any:
    name = config if isinstance(config, str) else config["config"]
    return _named(keras.losses, name) if isinstance(name, str) else _made("losses", config)


def _metric(config: Any) -> Any:
    name = config if isinstance(config, str) else config["config"]
    if isinstance(name, str):
        return name if name in _BY_SHAPE else _named(keras.metrics, name)
    if config["class_name"] != "MeanMetricWrapper":
        return _made("metrics", config)
    # Keras 2 writes a function that it has wrapped.
    if name["name"] in _BY_SHAPE:
        return name["name"]
    found = _named(keras.metrics, name["fn"])
    is_metric = isinstance(found, keras.metrics.Metric)
    return found if is_metric else keras.metrics.MeanMetricWrapper(found, name=name["name"])


def _state(group: h5py.Group) -> dict[str, np.ndarray]:
    """The variables of an optimizer by name, in order. Keras splits long lists of names."""
    keys = ["weight_names"] if "weight_names" in group.attrs else []
    while not keys or keys[-1] != "weight_names":
        key = f"weight_names{len(keys)}"
        if key not in group.attrs:
            break
        keys.append(key)
    names = [name.decode() if isinstance(name, bytes) else str(name) for key in keys for name in group.attrs[key]]
    return {name: np.asarray(group[name]) for name in names}


def _set_state(optimizer: Any, state: dict[str, np.ndarray]) -> bool:
    """Gives an optimizer its variables; whether the file has all of them."""
    if not any(int(value) for name, value in state.items() if name.removesuffix(":0").endswith(("iteration", "/iter"))):
        # Before the first step there is nothing to go on with.
        return True
    targets = list(optimizer.variables)
    if all(name.endswith(":0") for name in state):
        # Keras 2 wrote them: in another order, and without the learning rate, which the configuration has.
        targets = [target for target in targets if not target.name.endswith("learning_rate")]
        values = _in_order_of(targets, state)
    else:
        values = list(state.values())
    if [tuple(target.shape) for target in targets] != [value.shape for value in values]:
        return False
    for target, value in zip(targets, values, strict=True):
        target.assign(value)
    return True


def _in_order_of(targets: list[Any], state: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The variables that Keras 2 wrote, one for each target as far as there is one of its kind."""
    is_old = any(name.endswith("/iter:0") for name in state)
    by_kind: dict[str, list[np.ndarray]] = {}
    for name, value in state.items():
        # "Adam/m/layer/kernel:0", or "Adam/layer/kernel/m:0" of older optimizers; "iteration:0" has no part before it.
        parts = name.removesuffix(":0").split("/")
        kind = parts[-1] if is_old or len(parts) == 1 else parts[1]
        by_kind.setdefault(_KINDS.get(kind, kind), []).append(value)
    kinds = [target.name.rpartition("_")[2] for target in targets]
    return [by_kind[kind].pop(0) for kind in kinds if by_kind.get(kind)]
