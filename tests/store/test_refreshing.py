"""From what SageMaker has to the files of a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.store.pull import Selection
from airflow_sm_pipelines.store.refreshing import Seen, refreshed
from airflow_sm_pipelines.store.registered import RegisteredPipelines
from tests.definition.build import findings
from tests.store.http_service import HttpService, RefusedError, serving

ALL = Selection()
NOTHING = Seen()


class Service:
    """Pipelines by name, each with the time of its last change and a definition; a refusal in its place is answered."""

    def __init__(self, http: HttpService) -> None:
        self.http = http
        self.pipelines: dict[str, tuple[float, Any]] = {}
        http.answers |= {"ListPipelines": self._list, "DescribePipeline": self._describe}

    def refresh(self, before: Seen = NOTHING, selection: Selection = ALL) -> Seen:
        self.http.asked.clear()
        return refreshed(RegisteredPipelines(self.http.client), selection, before)

    @property
    def described(self) -> list[str]:
        return sorted(request["PipelineName"] for action, request in self.http.asked if action == "DescribePipeline")

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/"
        return {
            "PipelineSummaries": [
                {"PipelineName": name, "PipelineArn": f"{arn}{name}", "LastModifiedTime": time}
                for name, (time, _) in self.pipelines.items()
            ]
        }

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        _, definition = self.pipelines[request["PipelineName"]]
        if isinstance(definition, RefusedError):
            raise definition
        return {**request, "PipelineDefinition": json.dumps(definition)}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as http:
        yield Service(http)


def definitions(seen: Seen) -> dict[str, Any]:
    return {name: json.loads(text)["PipelineDefinition"] for name, text in seen.files.items()}


def test_only_what_was_changed_is_asked_for_again(service: Service) -> None:
    service.pipelines = {"a": (1.0, {"Steps": [1]}), "b": (1.0, {"Steps": [2]})}
    first = service.refresh()
    assert definitions(first) == {"a.json": {"Steps": [1]}, "b.json": {"Steps": [2]}}
    assert service.described == ["a", "b"]
    assert service.refresh(first) == first
    assert service.described == []
    service.pipelines = {"a": (1.0, {"Steps": [1]}), "b": (2.0, {"Steps": [3]}), "c": (1.0, {"Steps": [4]})}
    second = service.refresh(first)
    assert definitions(second) == {"a.json": {"Steps": [1]}, "b.json": {"Steps": [3]}, "c.json": {"Steps": [4]}}
    assert service.described == ["b", "c"]
    del service.pipelines["a"]
    assert definitions(service.refresh(second)).keys() == {"b.json", "c.json"}


def test_what_cannot_be_had_stays_as_it_was_and_is_asked_for_again(service: Service) -> None:
    service.pipelines = {"a": (1.0, {"Steps": [1]})}
    first = service.refresh()
    denied = RefusedError("AccessDeniedException", "not you")
    service.pipelines = {"a": (2.0, denied), "new": (1.0, denied)}
    second = service.refresh(first)
    assert definitions(second)["a.json"] == {"Steps": [1]}
    [finding] = findings(second.files["new.json"])
    assert "SageMaker gave none: AccessDeniedException: not you" in second.files["new.json"]
    assert finding.code == "not-json"
    service.pipelines = {"a": (2.0, {"Steps": [2]}), "new": (1.0, {"Steps": [3]})}
    third = service.refresh(second)
    assert definitions(third) == {"a.json": {"Steps": [2]}, "new.json": {"Steps": [3]}}


def test_an_outage_is_raised(service: Service) -> None:
    service.pipelines = {"a": (1.0, {"Steps": []}), "b": (1.0, RefusedError("ThrottlingException"))}
    with pytest.raises(ClientError, match="ThrottlingException"):
        service.refresh()
    service.pipelines = {"b": (1.0, RefusedError("InternalFailure", status=500))}
    with pytest.raises(ClientError, match="InternalFailure"):
        service.refresh()


def test_by_name_nothing_is_listed(service: Service) -> None:
    service.pipelines = {"a": (1.0, {"Steps": []}), "gone": (1.0, RefusedError("ResourceNotFound", "no such"))}
    seen = service.refresh(selection=Selection(("a", "gone")))
    assert seen.files.keys() == {"a.json"}
    assert [action for action, _ in service.http.asked] == ["DescribePipeline", "DescribePipeline"]
    assert service.refresh(seen, Selection(("a",))) == seen
    assert service.described == ["a"]
