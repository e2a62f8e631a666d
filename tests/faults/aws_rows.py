"""The rows of the matrix that are faults of AWS: calls that fail, and jobs that end badly."""

from tests.faults.aws_faults import (
    ALL_TYPES,
    AT_ONCE,
    DENIED,
    EXPIRED,
    FAULTY,
    LIMIT,
    LONG,
    SLOW_LOOK,
    THREE_HOURS,
    THROTTLED,
    TWICE_AS_LONG,
    UNAVAILABLE,
    WAITING_FOR_CAPACITY,
    AwsRow,
    fails_for_good,
    fails_once,
    hit,
    limited,
    policy,
)
from tests.faults.cells import Expected

CALLS = (
    AwsRow(
        "CreateThrottled",
        "Create: throttled x5",
        Expected(attempts=6, delays=TWICE_AS_LONG, calls=6),
        faults=(hit("Create", 5, error=THROTTLED),),
    ),
    AwsRow(
        "ThrottledForGood",
        "Create: throttled without end",
        Expected(attempts=6, jobs=0, state="failed", delays=TWICE_AS_LONG, calls=6),
        faults=(hit("Create", 100, error=THROTTLED),),
    ),
    AwsRow(
        "ThrottledOnce",
        "Create: throttled, and no retry is allowed",
        Expected(jobs=0, state="failed", calls=1),
        faults=(hit("Create", 100, error=THROTTLED),),
        policies=(policy("Step.THROTTLING", retries=0),),
    ),
    AwsRow(
        "CreateFaulty",
        "Create: 500 x5",
        Expected(delays=TWICE_AS_LONG, calls=6),
        faults=(hit("Create", 5, error=FAULTY),),
    ),
    AwsRow(
        "CreateFaultyForGood",
        "Create: 500 until the policy is used up",
        Expected(jobs=0, state="failed", delays=(2.0,), calls=2),
        faults=(hit("Create", 100, error=FAULTY),),
        policies=(policy("Step.SERVICE_FAULT", interval=2, retries=1),),
    ),
    AwsRow(
        "CreateNotSent",
        "Create: connection dropped before the effect x4",
        Expected(calls=5),
        faults=(hit("Create", 4, drop="before"),),
        policies=(policy("Step.SERVICE_FAULT", retries=0),),
    ),
    AwsRow(
        "CreateReplyLost",
        "Create: connection dropped after the effect",
        Expected(calls=1),
        faults=(hit("Create", 1, drop="after"),),
        policies=(policy("Step.SERVICE_FAULT", retries=0),),
    ),
    AwsRow(
        "CreateExpired",
        "Create: expired token",
        Expected(jobs=0, state="failed"),
        faults=(hit("Create", 1, error=EXPIRED),),
        policies=(policy(*ALL_TYPES),),
    ),
    AwsRow(
        "CreateDenied",
        "Create: AccessDeniedException",
        Expected(jobs=0, state="failed"),
        faults=(hit("Create", 1, error=DENIED),),
        policies=(policy(*ALL_TYPES),),
    ),
    limited("CreateLimit", "Create: ResourceLimitExceeded (account-level service limit)", LIMIT),
    limited("CreateElsewhere", "Create: ResourceLimitExceeded (not available in this region)", UNAVAILABLE),
    AwsRow("LookThrottled", "Describe: throttled x10", Expected(), faults=(hit("Describe", 10, error=THROTTLED),)),
    AwsRow("LookFaulty", "Describe: 500 x10", Expected(), faults=(hit("Describe", 10, error=FAULTY),)),
    AwsRow("LookDropped", "Describe: connection dropped x10", Expected(), faults=(hit("Describe", 10, drop="before"),)),
    AwsRow("LookExpired", "Describe: expired token x10", Expected(), faults=(hit("Describe", 10, error=EXPIRED),)),
    AwsRow(
        "LookDenied",
        "Describe: AccessDeniedException",
        Expected(state="failed", stopped=1),
        faults=(hit("Describe", 1, error=DENIED),),
        jobs=LONG,
    ),
    # The first look finds the job at its end, though late; the second takes the result.
    AwsRow(
        "ResultThrottled",
        "Describe for the result: throttled x10",
        Expected(),
        faults=(SLOW_LOOK, hit("Describe", 10, error=THROTTLED)),
        jobs=AT_ONCE,
    ),
    AwsRow(
        "ResultFaulty",
        "Describe for the result: 500 x10",
        Expected(),
        faults=(SLOW_LOOK, hit("Describe", 10, error=FAULTY)),
        jobs=AT_ONCE,
    ),
    AwsRow(
        "ResultDropped",
        "Describe for the result: connection dropped x10",
        Expected(),
        faults=(SLOW_LOOK, hit("Describe", 10, drop="after")),
        jobs=AT_ONCE,
    ),
    AwsRow(
        "ResultExpired",
        "Describe for the result: expired token x3",
        Expected(),
        faults=(SLOW_LOOK, hit("Describe", 3, error=EXPIRED)),
        jobs=AT_ONCE,
    ),
    AwsRow(
        "StopThrottled",
        "Stop (marked failed): throttled x10",
        Expected(state="failed", stopped=1),
        faults=(hit("Stop", 10, error=THROTTLED),),
        jobs=LONG,
        killed=True,
    ),
    AwsRow(
        "StopNotSent",
        "Stop (marked failed): connection dropped before the effect x4",
        Expected(state="failed", stopped=1),
        faults=(hit("Stop", 4, drop="before"),),
        jobs=LONG,
        killed=True,
    ),
)
REASONS = (
    fails_once(
        "CapacityError",
        "Failed: CapacityError: Unable to provision requested ML compute capacity. …",
        "SageMaker.CAPACITY_ERROR",
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance"
        " type.",
    ),
    fails_once(
        "CapacityOfType",
        "Failed: There is not enough capacity for instance type ml.g6.2xlarge. …",
        "SageMaker.CAPACITY_ERROR",
        "There is not enough capacity for instance type ml.g6.2xlarge. Please try again later.",
    ),
    fails_once(
        "CapacityOfInstance",
        "Failed: Insufficient instance capacity…",
        "SageMaker.JOB_CAPACITY_ERROR",
        "Insufficient instance capacity. Please try again later.",
    ),
    fails_once(
        "InternalOneBlank",
        "Failed: InternalServerError: We encountered an internal error. (one blank)",
        "SageMaker.JOB_INTERNAL_ERROR",
        "InternalServerError: We encountered an internal error. Please try again.",
    ),
    fails_once(
        "InternalTwoBlanks",
        "Failed: InternalServerError: We encountered an internal error.  (two blanks)",
        "SageMaker.JOB_INTERNAL_ERROR",
        "InternalServerError: We encountered an internal error.  Please try again.",
    ),
    AwsRow(
        "CapacityForGood",
        "Failed: CapacityError until the policy is used up",
        Expected(attempts=3, jobs=3, state="failed", delays=(1.0, 1.0)),
        jobs=({"outcome": "Failed", "failure_reason": "CapacityError: Unable to provision requested capacity."},),
        policies=(policy("SageMaker.CAPACITY_ERROR", retries=2),),
    ),
    fails_for_good(
        "Script",
        "Failed: AlgorithmError: ExecuteUserScriptError",
        "AlgorithmError: ExecuteUserScriptError:\nExitCode 1, exit code: 1",
    ),
    fails_for_good("Algorithm", "Failed: AlgorithmError: , exit code: 1", "AlgorithmError: , exit code: 1"),
    fails_for_good("Client", "Failed: ClientError: …", "ClientError: Data download failed: NoSuchKey (404)"),
)
FATES = (
    AwsRow(
        "StoppedByOthers",
        "the job is stopped by someone else",
        Expected(state="failed", stopped=1),
        jobs=({"outcome": "Stopped"},),
        policies=(policy(*ALL_TYPES),),
    ),
    AwsRow(
        "Capacity",
        "the job waits for capacity (Insufficient capacity error from EC2 …, retrying!)",
        Expected(),
        jobs=(
            {
                "queued": 5,
                "describe": {
                    "SecondaryStatusTransitions": [
                        {"Status": "Starting", "StartTime": 0, "StatusMessage": WAITING_FOR_CAPACITY}
                    ]
                },
            },
        ),
        policies=(policy(*ALL_TYPES),),
    ),
    AwsRow("ThreeHours", "the job takes three hours", Expected(), jobs=({"duration": THREE_HOURS},)),
)
AWS_ROWS = (*CALLS, *REASONS, *FATES)
