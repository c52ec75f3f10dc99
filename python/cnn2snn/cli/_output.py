"""How commands print what they have to say."""

from __future__ import annotations

import shutil
from pathlib import Path

from cnn2snn import _json
from cnn2snn.reports import Report


def show(report: Report, as_json: bool, **files: Path) -> None:
    """Prints a report.

    Args:
        report: the report.
        as_json: whether to print JSON instead of text of the terminal's width.
        files: paths that JSON names before what is in the report.
    """
    if as_json:
        print(_json.dumps({**{name: str(path) for name, path in files.items()}, **report.to_dict()}))
    else:
        print(report.text(shutil.get_terminal_size().columns))
