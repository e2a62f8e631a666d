"""The names of pipelines, and the ARNs that have them."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")
"""What SageMaker lets a pipeline be called (CreatePipeline)."""

_ARN = re.compile(r"arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:(?:[0-9]{12}|aws):pipeline/(.*)", re.DOTALL)


def name_in(name_or_arn: str) -> str:
    """The name of a pipeline that is given by its name or its ARN.

    :raises ValueError: for a name that no pipeline can have, and for an ARN of anything else
    """
    found = _ARN.fullmatch(name_or_arn)
    name = name_or_arn if found is None else found[1]
    if NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name_or_arn!r} is no name of a pipeline and no ARN of one: a name has letters, digits and, between"
            " them, hyphens, and at most 256 characters"
        )
    return name
