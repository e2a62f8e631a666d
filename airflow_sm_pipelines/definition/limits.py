"""Limits that a definition is read by, and that a pipeline's Dag has too."""

from __future__ import annotations

MAX_PARALLEL_STEPS = 2**31 - 1
"""The highest MaxParallelExecutionSteps: an Integer of the service's API, and what an Airflow pool can hold."""

AWS_CHARACTERS = 1_048_576
"""The longest PipelineDefinition that SageMaker's CreatePipeline takes, in characters."""

MAX_BYTES = 8 * 1_048_576
"""The largest file that is read: eight times what SageMaker takes, since white space costs nothing there."""

MAX_STEPS = 5_000
MAX_PARAMETERS = 1_000
"""The steps and parameters that a definition may have; SageMaker's own limits are lower (50 steps by default, 200)."""

MAX_EDGES = 200_000
"""The dependencies between steps that a definition may have, each once."""

MAX_ID_LENGTH = 250
MAX_DISPLAY_NAME_LENGTH = 2000
"""The characters that Airflow's database holds of the id of a Dag or task, and of its display name."""

MAX_OWNER_LENGTH = 500
MAX_POOL_LENGTH = 256
MAX_ASSET_LENGTH = 1500
MAX_TAG_LENGTH = 100
"""The same of an owner, of a pool or queue, of the name or URI of an asset, and of a tag."""

MAX_OWNERS = 2000
"""The same of all owners of a Dag, one after the other."""

MAX_EXECUTOR_LENGTH = 1000

MAX_LOST_TRIES = 1000
"""The tries of a step that may be lost to workers that died, at most."""
