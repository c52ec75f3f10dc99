"""This engine in an interleaved comparison with others.

The harness that loads this file offers a module `peers` with `register_engine(name, builder)`; the builder gets a float
Keras model (uint8-valued input, Rescaling, convolutions, pooling, batch normalization, ReLU) and gives a function that
runs a batch. `ours` is Akida 1.0: weights have 4 bits, 8 in the first layer, activations 4, as in the networks made for
the hardware. `ours-akida2` is Akida 2.0: weights and activations have 8 bits, as those of the other engines.
"""

import os
import sys

import peers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def build(keras_model, sample_inputs, threads=1, batch=1, net=None):
    """Quantizes, converts and plans the model.

    Args:
        keras_model: the float model.
        sample_inputs: uint8 images; not needed.
        threads: number of threads of a run.
        batch: number of images of a run; not needed.
        net: names the network and a folder in which converted models are kept.

    Returns:
        Function from a uint8 batch (n, height, width, channels) to the outputs, one row per image.
    """
    from cnn2snn.akida import Model

    path = net and os.path.join(net.work, f"{net.name}.fbz")
    if path and os.path.exists(path):
        model = Model(path)
    else:
        from cnn2snn import convert, quantize

        quantized = quantize(keras_model, weight_quantization=4, activ_quantization=4, input_weight_quantization=8)
        model = convert(quantized)
        if path:
            model.save(path)

    def run(x):
        return model.predict(x, threads=threads).reshape(len(x), -1)

    run.info = {"threads": threads, "kernels": sorted({choice.kernel for choice in model.explain_plan()})}
    return run


def build_akida2(keras_model, sample_inputs, threads=1, batch=1, net=None):
    """Quantizes and plans a model without batch normalization. Arguments and result are those of `build`."""
    import akida2_network

    from cnn2snn.akida import Model

    path = os.path.join(net.work, f"{net.name}-akida2.fbz")
    if os.path.exists(path):
        model = Model(path)
    else:
        samples = peers.calibration(net)
        model = akida2_network.build(keras_model, net.input_shape, net.scaling, samples)
        model.save(path)

    def run(x):
        return model.predict(x, threads=threads).reshape(len(x), -1)

    run.info = {"threads": threads, "kernels": sorted({choice.kernel for choice in model.explain_plan()})}
    return run


peers.register_engine("ours", build)
peers.register_engine("ours-akida2", build_akida2, layout="folded")
