"""What StartPipelineExecution has given one run, beside the values of its parameters, as the run's conf has it.

It stands under one name of the conf, with the names that SageMaker's API has for it, so that people read there what the
run was asked for. Whoever triggers a run can write anything there: what is not of the right form counts as not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.definition.parameters import EXECUTION


class GivenExecution(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """``request`` is a digest of the call that started the run; ``retries`` and ``stops`` are digests of the tokens of
    the calls that retried and stopped it. ``stopped_at`` is when StopPipelineExecution stopped it, in epoch seconds.
    """

    pipeline_execution_display_name: str | None = None
    pipeline_execution_description: str | None = None
    pipeline_version_id: int | None = None
    max_parallel_execution_steps: int | None = None
    mlflow_experiment_name: str | None = None
    request: str | None = None
    retries: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    stopped_at: float | None = None

    @classmethod
    def in_conf(cls, conf: object) -> GivenExecution:
        """What a run's conf has of it."""
        found = conf.get(EXECUTION) if isinstance(conf, Mapping) else None
        if not isinstance(found, Mapping):
            return cls()
        try:
            return msgspec.convert(dict(found), cls)
        except msgspec.ValidationError:
            return cls()

    def put_into(self, conf: Mapping[str, Any] | None) -> dict[str, Any]:
        """A run's conf with this in it."""
        return {**(conf or {}), EXECUTION: msgspec.json.decode(msgspec.json.encode(self))}

    @property
    def limit(self) -> int | None:
        """How many steps of the run may run at once, where it was given a number that can be one."""
        limit = self.max_parallel_execution_steps
        return limit if limit is not None and limit >= 1 else None
