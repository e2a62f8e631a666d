"""ForEach: one step for each item of a list (semantics 2.17). Experimental: the SDK does not make it yet."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.definition.steps import MAX_CONCURRENCY
from airflow_sm_pipelines.step_types.step_type import Guide, StepType

CHILD_OUTPUTS = "ChildOutputs"
SELECTED = "Selected"

GUIDE = Guide(
    "ForEach (experimental)",
    """\
AWS's API knows the type, and the SDK does not make it yet: what it means is read from the API's model and a proposal
for the SDK, and may change with them.

A step `Loop` over a body `Train` is three tasks. `Loop.items` resolves IterableItems: a list, or the JSON text of
one; anything else fails the step. `Train` is the body's own operator, mapped over the items (Airflow's dynamic task
mapping); its children are labelled `Train-0`, `Train-1` and so on, and their jobs are named so. `Loop` is there when
all children have ended, and is what other steps wait for and refer to. What the step waits for, `Loop.items` waits
for.

**The body** is one step of any type but Condition, Fail and ForEach. `ForEach.CurrentItem` is the item with its JSON
type, so a member that takes only text needs items that are text. Each child is a step like any other: one job per
attempt, its own retries by the body's RetryPolicies, its own job stopped when it is killed, its own XComs by map
index. A child can be cleared by itself, with what is downstream of it.

**Result.** `ChildOutputs[i]` is the result of the child of item i; `Selected` that of the child whose Field is the
greatest or least number (text that is a number counts, the first of equals is taken; there is none without items; a
Field that is no finite number fails the step); `Status` is `Succeeded` or `Failed`; the counts are `InputItemCount`,
`TotalStepCount`, `SucceededStepCount`, `FailedStepCount` and `StoppedStepCount`. References to them are checked when
the definition is loaded, up to the body's own response.

**Failure.** A child that fails for good lets the others go on. When all have ended the step fails with the names,
items and reasons of those that did not succeed; its XCom has the counts all the same, and a null in ChildOutputs for
each of them. In Airflow a child that was killed is failed; what was skipped or removed by hand counts as stopped.
When the items cannot be found the step itself fails too, and says so: Airflow would run it whatever came before. No
items are a success without children.

**MaxConcurrency** counts children that wait: for their job, for their next try, deferred or not. As a number it is
kept by the scheduler for each run (`max_active_tis_per_dagrun`), which lets others start while a child waits for its
next try; as an expression only the run can resolve it. So each child looks for itself before it starts, too: one
whose turn has not come gives its worker back, and looks again after the poll interval (10 s at least). Without it all
children may run at once, within the limits of Airflow and of the pipeline's pool. Airflow maps at most `[core]
max_map_length` items (1024).

**What does not hold.** In the UI, a body that has not run yet shows no request. Property files of a body can be read
by no other step.
""",
)

STEP_TYPE = StepType(
    name="ForEach",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.for_each.ForEachStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    # The calls are those of the type of its body.
    extra_properties=(
        CHILD_OUTPUTS,
        SELECTED,
        "Status",
        "InputItemCount",
        "TotalStepCount",
        "SucceededStepCount",
        "FailedStepCount",
        "StoppedStepCount",
    ),
    limits=(
        "one step in the body",
        f"MaxConcurrency 1 to {MAX_CONCURRENCY}",
        "`[core] max_map_length` items, 1024 by default",
    ),
    guide=GUIDE,
)
