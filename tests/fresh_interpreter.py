"""Code run in an interpreter of its own, in which importing TensorFlow or Keras fails."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCKED = "import sys\nsys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'tf_keras']))\n"


def run_without_keras(code, cwd):
    """Runs `code` in the folder `cwd`; it may import the shared helpers of the tests."""
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + textwrap.dedent(code)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
