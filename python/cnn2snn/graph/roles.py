"""The weights of Keras layers by what they are for, whatever attribute holds them."""

from __future__ import annotations

from cnn2snn._keras import DEPTHWISE_KERNEL

__all__ = ["attribute", "roles"]

# Weights that transforms and conversion use, by layer class; in the order of Keras.
_ROLES = {
    "DepthwiseConv2D": ("depthwise_kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "Conv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}


def roles(cls: type) -> tuple[str, ...] | None:
    """The roles of the weights of a layer class, in the order of Keras; None where they have no names."""
    return next((_ROLES[base.__name__] for base in cls.__mro__ if base.__name__ in _ROLES), None)


def attribute(cls: type, role: str) -> str:
    """The attribute of a layer of this class that holds the weight of a role."""
    is_depthwise = any(base.__name__ == "DepthwiseConv2D" for base in cls.__mro__)
    return DEPTHWISE_KERNEL if is_depthwise and role == "depthwise_kernel" else role
