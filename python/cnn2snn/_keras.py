"""The one place that knows Keras generations, and the only one that imports TensorFlow.

`keras` is Keras 3 (``tf.keras``) or, with the environment variable ``TF_USE_LEGACY_KERAS=1``, Keras 2 (``tf_keras``).
"""

from __future__ import annotations

import os

LEGACY = os.environ.get("TF_USE_LEGACY_KERAS", "") in {"1", "true", "True"}


def _check_backend(backend: str, source: str) -> None:
    if backend != "tensorflow":
        raise ImportError(
            f"Keras computes with {backend} here, as {source} says, and this part of cnn2snn needs TensorFlow: set the "
            "environment variable KERAS_BACKEND=tensorflow before Keras is imported"
        )


if not LEGACY:
    _check_backend(os.environ.get("KERAS_BACKEND", "tensorflow"), "the environment variable KERAS_BACKEND")

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(
        "this part of cnn2snn needs TensorFlow 2.16 or later: install it with `pip install tensorflow`; "
        "cnn2snn.akida and the commands `info` and `run` work without it"
    ) from error

if LEGACY:
    try:
        import tf_keras as keras
    except ImportError as error:
        raise ImportError("TF_USE_LEGACY_KERAS=1 asks for Keras 2: install it with `pip install tf_keras`") from error
else:
    keras = tf.keras
    try:
        backend = keras.backend.backend()
    except ImportError as error:
        raise ImportError(
            "Keras 3 cannot be imported: install it with `pip install keras`, or, where its file keras.json names a "
            "backend that is not installed, set the environment variable KERAS_BACKEND=tensorflow"
        ) from error
    _check_backend(backend, "its file keras.json")

register = keras.utils.register_keras_serializable

# The attribute of a DepthwiseConv2D that holds its kernel.
DEPTHWISE_KERNEL = "depthwise_kernel" if LEGACY else "kernel"


def is_of_other_generation(model: object) -> bool:
    """Whether an object is a Keras model, but of the generation that is not in use."""
    other = "keras." if LEGACY else "tf_keras."
    return any(base.__name__ == "Model" and base.__module__.startswith(other) for base in type(model).__mro__)


__all__ = ["DEPTHWISE_KERNEL", "LEGACY", "is_of_other_generation", "keras", "register", "tf"]
