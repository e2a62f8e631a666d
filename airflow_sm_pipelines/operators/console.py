"""Addresses of AWS consoles, right for the partition."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations


class Console:
    """The AWS console of a partition, in a region.

    Its methods give None where there is no such page, and in a partition whose console's domain is not known.
    """

    def __init__(self, region: str, partition: str) -> None:
        self._region = region
        self._domain = BaseAwsLink.get_aws_domain(partition)

    def page(self, locations: ConsoleLocations, values: Mapping[str, str]) -> str | None:
        """The page of what a step runs; ``values`` are those that its address names."""
        path = filled(locations.page, {"region": self._region, **values}, escaped=True)
        return None if path is None else self._url(path)

    def log(self, group: str, streams: str) -> str | None:
        """A CloudWatch log group, of which the streams are shown whose names begin so."""
        place = f"cloudwatch/home?region={self._region}#logsV2:log-groups/log-group/{_in_fragment(group)}"
        return self._url(f"{place}$3FlogStreamNameFilter$3D{_in_fragment(streams)}" if streams else place)

    def s3_folder(self, uri: str) -> str | None:
        """A folder in S3 by its ``s3://`` address (EMR writes ``s3n://`` and ``s3a://`` too)."""
        scheme, _, place = uri.partition("://")
        bucket, _, prefix = place.partition("/")
        if not scheme.startswith("s3") or not bucket:
            return None
        return self._url(f"s3/buckets/{bucket}?region={self._region}&prefix={quote(prefix.rstrip('/') + '/')}")

    def _url(self, path: str) -> str | None:
        if self._domain is None:
            return None
        return f"{BASE_AWS_CONSOLE_LINK.format(aws_domain=self._domain)}/{path}"


def filled(template: str | None, values: Mapping[str, str], *, escaped: bool = False) -> str | None:
    """A text with its ``{names}`` filled in; None where a value is missing."""
    if template is None:
        return None
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    if not all(values.get(name) for name in names):
        return None
    return template.format(**{name: quote(values[name], safe="") if escaped else values[name] for name in names})


def _in_fragment(text: str) -> str:
    # CloudWatch's console reads its fragment escaped twice, with $ in the place of the second %.
    return quote(quote(text, safe=""), safe="").replace("%", "$")
