"""The folder of public data sets, which lies beside the project where it is available: most licences keep it out of it."""

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("LIGHTTOUCH_REAL_DATA", "")
needs_real_data = pytest.mark.skipif(not FOLDER, reason="LIGHTTOUCH_REAL_DATA is not set: the folder of real data sets")


def real(name):
    return Path(FOLDER) / name
