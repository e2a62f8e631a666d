"""``drift``: what is new in the SageMaker SDK and botocore."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.terminal import write_lines

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.validation.drift import Release


def run(arguments: argparse.Namespace) -> int:
    """Show what is new; 0 is nothing, 1 is something, 2 is a folder without an SDK or without models."""
    from airflow_sm_pipelines.validation.drift import known_versions, news_of, take_up

    releases = _releases(arguments)
    news = [each for release in releases for each in news_of(release)]
    if arguments.write:
        take_up(releases)
    if arguments.format == "json":
        found = {
            "compared": {release.source: release.version for release in releases},
            "known": known_versions(),
            "new": [{"source": each.source, "about": each.about, "fact": each.fact} for each in news],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        write_lines(map(str, news))
        compared = " and ".join(f"{release.source} {release.version}" for release in releases)
        absent = "" if len(releases) > 1 else "; no SageMaker SDK of version 3 is installed here (--sdk FOLDER)"
        write_lines([f"{counted(len(news), 'new fact')} in {compared}{absent}"])
    return 1 if news else 0


def _releases(arguments: argparse.Namespace) -> list[Release]:
    from airflow_sm_pipelines.validation.drift import NoModelError, botocore_release, installed_sdk, sdk_release
    from airflow_sm_pipelines.validation.sdk_facts import NoSdkError

    sdk = installed_sdk() if arguments.sdk is None else Path(arguments.sdk)
    try:
        releases = [botocore_release(None if arguments.botocore is None else Path(arguments.botocore))]
        return releases if sdk is None else [*releases, sdk_release(sdk)]
    except ImportError as error:
        raise CommandError(f"botocore cannot be imported: {error}") from None
    except (NoModelError, NoSdkError, SyntaxError) as error:
        raise CommandError(str(error)) from None
