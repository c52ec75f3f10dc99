"""Notes of libraries kept back from a terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from cnn2snn.errors import Cnn2SnnError

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps back what libraries of Keras write to stderr, unless the block raises an exception.

    When TensorFlow starts, its libraries write notes on instruction sets and missing GPUs straight
    to the file descriptor; no setting stops all of them. `TF_CPP_MIN_LOG_LEVEL` of 0, 1 or 2 asks
    for them. A terminal is told what the wait is for.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1", "2"):
        yield
        return
    stderr = 2
    sys.stderr.flush()
    terminal = os.dup(stderr)
    waits = os.isatty(terminal) and "tensorflow" not in sys.modules
    if waits:
        os.write(terminal, b"loading TensorFlow ...")
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), stderr)
        try:
            yield
        except (Cnn2SnnError, OSError, ImportError):
            # Told in one line by the command.
            raise
        except Exception:
            kept.seek(0)
            os.write(terminal, (b"\n" if waits else b"") + kept.read())
            raise
        finally:
            sys.stderr.flush()
            if waits:
                os.write(terminal, b"\r\x1b[K")
            os.dup2(terminal, stderr)
            os.close(terminal)
