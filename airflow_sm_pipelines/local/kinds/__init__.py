"""The SageMaker actions the endpoint answers itself, one module per kind of resource."""
