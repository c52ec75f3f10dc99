"""Reference networks of the published model zoo, as float Keras models without trained weights.

Architectures and numbers of parameters are the published ones. The docstring of each builder gives the widths (bits of
the first layer's weights / of the other weights / of activations) that its network is usually quantized to:

    >>> import cnn2snn
    >>> model = cnn2snn.zoo.ds_cnn_kws()
    >>> quantized = cnn2snn.quantize(model, 4, 4, input_weight_quantization=8)
"""

from cnn2snn.zoo.akidanet import akidanet18_imagenet, akidanet_edge_imagenet, akidanet_imagenet
from cnn2snn.zoo.convtiny import convtiny_dvs_gesture, convtiny_dvs_handy
from cnn2snn.zoo.ds_cnn import ds_cnn_kws
from cnn2snn.zoo.gxnor import gxnor_mnist
from cnn2snn.zoo.mobilenet import mobilenet_imagenet
from cnn2snn.zoo.pointnet import pointnet_plus_modelnet40
from cnn2snn.zoo.vgg import vgg_utk_face
from cnn2snn.zoo.yolo import yolo_base

__all__ = [
    "akidanet18_imagenet",
    "akidanet_edge_imagenet",
    "akidanet_imagenet",
    "convtiny_dvs_gesture",
    "convtiny_dvs_handy",
    "ds_cnn_kws",
    "gxnor_mnist",
    "mobilenet_imagenet",
    "pointnet_plus_modelnet40",
    "vgg_utk_face",
    "yolo_base",
]


def __getattr__(name: str) -> object:
    if name.endswith("_pretrained"):
        raise AttributeError(
            f"module {__name__!r} has no {name!r}: it has networks without trained weights; load a trained file with "
            "cnn2snn.load_quantized_model, or train the network of the name without _pretrained"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
