"""Limits that a definition is read by, and that a pipeline's Dag has too."""

from __future__ import annotations

MOST_PARALLEL_STEPS = 2**31 - 1
"""The highest MaxParallelExecutionSteps: an Integer of the service's API, and what an Airflow pool can hold."""

AWS_CHARACTERS = 1_048_576
"""The longest PipelineDefinition that SageMaker's CreatePipeline takes, in characters."""

MOST_BYTES = 8 * 1_048_576
"""The largest file that is read: eight times what SageMaker takes, since white space costs nothing there."""

MOST_STEPS = 5_000
MOST_PARAMETERS = 1_000
"""The steps and parameters that a definition may have; SageMaker's own limits are lower (50 steps by default, 200)."""

MOST_EDGES = 200_000
"""The dependencies between steps that a definition may have, each once."""

LONGEST_ID = 250
LONGEST_DISPLAY_NAME = 2000
"""The characters that Airflow's database holds of the id of a Dag or task, and of its display name."""

LONGEST_OWNER = 500
LONGEST_POOL = 256
LONGEST_ASSET = 1500
LONGEST_TAG = 100
"""The same of an owner, of a pool or queue, of the name or URI of an asset, and of a tag."""

MOST_OWNERS = 2000
"""The same of all owners of a Dag, one after the other."""

LONGEST_EXECUTOR = 1000

MOST_LOST_TRIES = 1000
"""The tries of a step that may be lost to workers that died, at most."""
