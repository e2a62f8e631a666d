"""Tests that only hold with the botocore that the package's tables were made from, or a newer one."""

from __future__ import annotations

import botocore
import pytest

from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.check_botocore import is_installed_older

INSTALLED = botocore.__version__
SAME_BOTOCORE = pytest.mark.skipif(
    api_model().botocore != INSTALLED, reason="the tables were made from another botocore than the installed one"
)
NOT_OLDER_BOTOCORE = pytest.mark.skipif(
    is_installed_older(api_model().botocore), reason="the installed botocore is older than that of the tables"
)
