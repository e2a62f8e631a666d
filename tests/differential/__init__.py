"""Our evaluation of expressions against two others: the SageMaker SDK's local mode, and a naive one."""
