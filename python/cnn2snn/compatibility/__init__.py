"""`check_model_compatibility`: everything that keeps a model from conversion, or from a chip, at once.

`check` says for which generations a model is judged. `akida1` judges Keras models for Akida 1.0, `akida2` float Keras
models for Akida 2.0, `quantizeml` QuantizeML models for either. `problems` makes the entries of the report.
"""

from cnn2snn.compatibility.check import check_model_compatibility
from cnn2snn.reports.check import Change, CompatibilityReport, Problem

__all__ = ["Change", "CompatibilityReport", "Problem", "check_model_compatibility"]
