"""Checks an installed wheel on any platform, with NumPy alone.

Exact results, a saved file, the command line, and no import of TensorFlow.
"""

import pickle
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np

import cnn2snn
from cnn2snn import akida

rng = np.random.default_rng(0)
weights = rng.integers(-7, 8, (1, 1, 12, 5), dtype=np.int8)
inputs = rng.integers(0, 16, (100, 2, 3, 2), dtype=np.uint8)

model = akida.Model()
model.add(akida.InputData((2, 3, 2), input_bits=4, name="input"))
model.add(akida.FullyConnected(5, weights_bits=4, activation=False, name="dense"))
model.get_layer("dense").set_variable("weights", weights)

# Rows of the weights follow channel, column, row of the input (rule C6 of docs/arithmetic.md).
flat = inputs.transpose(0, 3, 2, 1).reshape(100, 12).astype(np.int64)
expected = (flat @ weights[0, 0].astype(np.int64)).reshape(100, 1, 1, 5)
np.testing.assert_array_equal(model.forward(inputs), expected)
np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).forward(inputs), expected)

script = Path(sysconfig.get_path("scripts")) / "cnn2snn"
with tempfile.TemporaryDirectory() as folder:
    model_path = Path(folder, "model.fbz")
    model.save(str(model_path))
    np.testing.assert_array_equal(akida.Model(str(model_path)).forward(inputs), expected)

    np.save(Path(folder, "inputs.npy"), inputs)
    subprocess.run([script, "info", model_path], check=True)
    subprocess.run(
        [script, "run", model_path, Path(folder, "inputs.npy"), "-o", Path(folder, "outputs.npy")],
        check=True,
    )

imported = {"tensorflow", "keras", "tf_keras"} & set(sys.modules)
if imported:
    sys.exit(f"error: {sorted(imported)} imported although no Keras model was used")
print(f"akida-sim {cnn2snn.__version__}, Python {sys.version.split()[0]}: wheel checked")
