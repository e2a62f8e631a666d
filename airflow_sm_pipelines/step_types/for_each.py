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
```json
{"Name": "Loop", "Type": "ForEach", "Arguments": {
  "IterableItems": ["north", "south"], "MaxConcurrency": 2,
  "ForEachBody": [
    {"Name": "Train", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:train",
      "Arguments": {"region": {"Get": "ForEach.CurrentItem"}},
      "OutputParameters": [{"OutputName": "mse", "OutputType": "Float"}]},
    {"Name": "Report", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:report",
      "Arguments": {"mse": {"Get": "Steps.Train.OutputParameters['mse']"}}, "OutputParameters": []}]}}
```

```text
Loop.ForEach.items   ForEachItemsOperator
Loop.Train           LambdaStepOperator    after Loop.ForEach.items
Loop.Report          LambdaStepOperator    after Loop.Train
Loop.ForEach.result  ForEachStepOperator   after Loop.ForEach.items, Loop.Report, Loop.Train
```

The step is the task group `Loop`.

- `Loop.ForEach.items` finds the items. It waits for what the step `Loop` waits for.
- `Loop.Train` and `Loop.Report` are the operators of the body's steps, mapped over the items. The map index is the
  item's, from 0. The label is the item: its text, or its JSON, cut at 250 characters, with secrets masked.
- `Loop.ForEach.result` ends when all of them have ended. Its XCom is the result of `Loop`, and other steps wait for
  it.

The children are the steps `Train-0`, `Report-0`, `Train-1` and `Report-1`, and their jobs are named so. No other step
of the definition can have such a name.

**Items.** IterableItems is one of these; anything else fails the step:

- an expression that gives a list, or the JSON text of a list;
- a literal list of 1 to 100 texts, numbers, booleans and references.

No items are a success without children, with all counts 0. More items than `[core] max_map_length` (1024) fail the
step.

**CurrentItem.** `ForEach.CurrentItem` is the item with its JSON type, as in the list. It can stand anywhere in the
body. `.a.b`, `['x']` and `[0]` lead into the item, also where it is a text that is the JSON of an object or list. A
child fails if its item lacks what the path names. The message then names the item and the path. An item is data:
nothing in it is a template.

**The body** has steps of any type but Condition, Fail and ForEach. References and DependsOn between them hold within
one item: `Report-1` waits for `Train-1`, and reads its result and property files. Without any, all steps of an item
may run at once. An entry with a Trigger ([run conditions](semantics/run-conditions.md)) runs its step upon the
failure or stop of another step of the same item. Where the condition does not hold, the child is skipped, and is in
no count.

A child that fails takes with it those children that need it for the same item, and nothing else. Each child is a step
like any other: one job per attempt, its own retries by its RetryPolicies, its own job stopped when it is killed, its
own XComs by map index. One child can be cleared by itself, with what is downstream of it.

**Result.**

| member | what it is |
|---|---|
| `IterationOutputs[i].Train` | the result of `Train-i`, null where it has none |
| `Selected` | the result of the step and item whose Field is the greatest (MaxBy) or least (MinBy) number |
| `InputItemCount` | how many items there were |
| `TotalStepCount` | how many children ran |
| `SucceededStepCount`, `FailedStepCount`, `StoppedStepCount` | how many children ended so; a child is stopped if \
AWS calls its job stopped |
| `Status` | `Succeeded` when all did, `Stopped` when some were stopped and none failed, else `Failed` |

For `Selected`, text that is a number counts as that number, and the first of equals is taken. There is no `Selected`
without items. A Field that is no finite number fails the step. References to results of the body's steps are checked
when the definition is loaded, up to the response of that step.

**Failure.** When all children have ended, the step fails if one of them has failed or was stopped, also where another
child ran upon that. The message has the names, items and reasons of the children that failed. The XCom has the counts
and outputs all the same. A step that runs upon the failure of the ForEach step can refer to them, and so can one that
runs upon its stop, if `Status` is `Stopped`. In Airflow a child that was killed is failed. A child that was skipped
or removed by hand counts as stopped.

When the items cannot be found nothing runs, and the result task fails and says why. It also fails where what the step
waits for has not succeeded, but for run conditions that is no failure of the step.

**MaxConcurrency** (1 to 50, required) counts children, over all steps and items: those that run, are deferred, or
wait for their next try. The first items go first, each through its whole body. A child whose turn has not come gives
its worker back, and looks again after the poll interval, at the earliest after 20 s. The further its turn, the later
it looks.

Where several steps of an item can run at once, they hold their places until all of them have ended. Where these are
more than MaxConcurrency the items go one by one. So fewer children may run than the limit allows, never more. It
holds beside `parallelism` and Airflow's own limits.

**Upgrading.** Versions before 0.2 ran a draft of ForEach that SageMaker never released, with other task ids. Let runs
of it end before the upgrade. After it the new tasks begin anew, nobody waits for the jobs of the old tasks, and no
result of an earlier run can be copied. The draft's `ChildOutput` and `ChildOutputs` are findings that name the new
form. A MaxConcurrency that is missing, or that is an expression, is a finding too.

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
