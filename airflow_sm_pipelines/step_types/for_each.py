"""ForEach: a body of steps for each item of a list (semantics 2.17)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.loops import MAX_CONCURRENCY, MAX_LITERAL_ITEMS, OUTPUTS, SELECTED
from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.step_type import Guide, StepType

DRAFT_OUTPUTS = "ChildOutputs"
"""What a draft of ForEach that was never released called the outputs of iterations."""
STATUS = "Status"
COUNTS = ("InputItemCount", "TotalStepCount", "SucceededStepCount", "FailedStepCount", "StoppedStepCount")


GUIDE = Guide(
    "ForEach",
    """\
A step `Loop` over a body of the steps `Train` and `Report` is a task group `Loop`. `Loop.ForEach.items` finds the
items. `Loop.Train` and `Loop.Report` are the body's own operators, mapped over the items: the map index is the item's,
from 0, and its label is the item (its text, or its JSON; cut at 250 characters, secrets masked). `Loop.ForEach.result`
is there when all of them have ended; its XCom is the step's result, and other steps wait for it. What the step waits
for, `Loop.ForEach.items` waits for. The children are the steps `Train-0`, `Report-0`, `Train-1` and so on, and their
jobs are named so; no other step of the definition can have such a name.

**Items.** IterableItems is an expression that gives the JSON text of a list (or a list), or a literal list of 1 to 100
texts, numbers, booleans and references; anything else fails the step. `ForEach.CurrentItem` is the item with its JSON
type, as in the list, and `.a.b`, `['x']` and `[0]` lead into it, anywhere in the body; also into a text that is the
JSON of an object or list. What an item lacks fails its child, with a message that names the item and the path. An item
is data: nothing in it is a template. No items are a success without children, all counts 0. More items than `[core]
max_map_length` (1024) fail the step.

**The body** has steps of any type but Condition, Fail and ForEach. References and DependsOn between them hold within
one item: `Report-1` waits for `Train-1`, and reads its result and property files. Without any, all steps of an item may
run at once. An entry with a Trigger ([run conditions](semantics/run-conditions.md)) runs its step upon the failure or
stop of another of the same item; where it does not hold, the child is skipped, and is in no count.
What fails takes with it what needs it of the same item, and nothing else. Each child is a step like any
other: one job per attempt, its own retries by its RetryPolicies, its own job stopped when it is killed, its own XComs
by map index. One can be cleared by itself, with what is downstream of it.

**Result.** `IterationOutputs[i].Train` is the result of `Train-i`, null where it has none; `Selected` that of the step
and item whose Field is the greatest (MaxBy) or least (MinBy) number: text that is a number counts, the first of equals
is taken, there is none without items, and a Field that is no finite number fails the step. `InputItemCount` counts
items; `TotalStepCount` the children that ran; `SucceededStepCount`, `FailedStepCount` and `StoppedStepCount` those that
ended so: stopped is a child whose job AWS calls stopped. `Status` is `Succeeded` when all did, `Stopped` when some were
stopped and none failed, else `Failed`. References are checked when the definition is loaded, up to the response of the
body's step.

**Failure.** When all children have ended, the step fails with the names, items and reasons of those that failed, also
where another child ran upon that. Its XCom has the counts and outputs all the same, and a step that runs upon the
failure (or, with that Status, the stop) of the ForEach step can refer to them. In Airflow a child that was killed is
failed; one that was skipped or removed by hand counts as stopped. When the items cannot be found nothing runs, and the
result task fails and says why; so it does where what the step waits for has not succeeded, which for run conditions is
no failure of the step.

**MaxConcurrency** (1 to 50, required) counts children, over all steps and items: those that run, are deferred, or wait
for their next try. The first items go first, each through its whole body. A child whose turn has not come gives its
worker back, and looks again after the poll interval, at the earliest after 10 s; the further its turn, the later. Where
several steps of an item can run at once, they hold their places until all of them have ended, and where these are more
than MaxConcurrency the items go one by one; so fewer may run than the limit allows, never more. It holds beside
`parallelism` and Airflow's own limits.

**Upgrading.** Versions before this one ran a draft of ForEach that SageMaker never released, with other task ids. Let
runs of it end before the upgrade: after it the new tasks begin anew, nobody waits for the jobs of the old ones, and no
result of an earlier run can be copied. The draft's `ChildOutput` and `ChildOutputs` are findings that name the new
form; so is a MaxConcurrency that is missing or an expression.

**What does not hold.** Property files of a body can be read only within it.
""",
)

STEP_TYPE = StepType(
    name="ForEach",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.for_each.ForEachStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    # The calls are those of the types of its body.
    extra_properties=(OUTPUTS, SELECTED, STATUS, *COUNTS),
    limits=(
        f"1 to {MAX_LITERAL_ITEMS} literal items",
        f"MaxConcurrency 1 to {MAX_CONCURRENCY}",
        "`[core] max_map_length` items, 1024 by default",
    ),
    guide=GUIDE,
)
