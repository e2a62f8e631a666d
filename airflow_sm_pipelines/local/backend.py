"""moto's server as a WSGI application, and calls into it from within the process."""

from __future__ import annotations

import json
import logging
import time
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from werkzeug.test import Client, run_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from werkzeug.wrappers import Request

from airflow_sm_pipelines.local.calls_out import CallOutRefusedError, refused_here
from airflow_sm_pipelines.local.errors import MotoMissingError

LOG = logging.getLogger(__name__)
ACCOUNT = "123456789012"
CREDENTIALS = "Credential=local/20200101/{region}/{service}/aws4_request"


def moto_request(environ: WSGIEnvironment) -> Request:
    """The HTTP request of a WSGI call; moto's router takes no other class of werkzeug's."""
    from moto.core.request import Request as MotoRequest

    request: Request = MotoRequest(environ, populate_request=False)
    return request


class Moto:
    """The server side of moto. Its state belongs to the process: two endpoints in one process share it."""

    def __init__(self) -> None:
        try:
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        except ImportError as error:
            raise MotoMissingError(error) from error
        self._application = DomainDispatcherApplication(create_backend_app)
        self._client = Client(self._application)

    def call(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of moto's answer.

        Raises ``NotImplementedError`` for an action it lacks, :class:`CallOutRefusedError` if it tried to call out.
        """
        with refused_here() as rule:
            try:
                body, status, headers = run_wsgi_app(self._application, environ, buffered=True)
            finally:
                if rule.refused:  # whatever moto made of it, an exception included
                    raise CallOutRefusedError(rule.refused)
        return int(status.partition(" ")[0]), headers.to_wsgi_list(), b"".join(body)

    def reset(self) -> None:
        """Forget everything in all services."""
        self._send("POST", "/moto-api/reset", "s3", "us-east-1")

    def put_object(self, bucket: str, key: str, body: bytes, region: str) -> str | None:
        """Put an S3 object; a bucket that is not there is created.

        What S3 refuses is logged as a warning, and S3's reason is the answer.
        """
        path = f"/{bucket}/{urllib.parse.quote(key)}"
        answer = self._send("PUT", path, "s3", region, body)
        if answer.status_code == 404:
            self._send("PUT", f"/{bucket}", "s3", region)
            answer = self._send("PUT", path, "s3", region, body)
        if answer.status_code < 400:
            return None
        reason: str = answer.get_data(as_text=True)
        LOG.warning("s3://%s/%s could not be written: %s", bucket, key, reason)
        return reason

    def get_object(self, bucket: str, key: str, region: str) -> bytes | None:
        """An S3 object's content; ``None`` where it is not there."""
        answer = self._send("GET", f"/{bucket}/{urllib.parse.quote(key)}", "s3", region)
        return None if answer.status_code >= 400 else answer.get_data()

    def list_keys(self, bucket: str, prefix: str, region: str) -> list[str]:
        """The keys of a bucket that begin with ``prefix``; none where the bucket is not there."""
        keys: list[str] = []
        asked = {"list-type": "2", "prefix": prefix}
        while True:
            answer = self._send("GET", f"/{bucket}?{urllib.parse.urlencode(asked)}", "s3", region)
            if answer.status_code >= 400:
                return keys
            listing = ElementTree.fromstring(answer.get_data())  # noqa: S314 # moto's own answer
            keys += [found.text or "" for found in listing.iterfind("{*}Contents/{*}Key")]
            token = listing.findtext("{*}NextContinuationToken")
            if not token:
                return keys
            asked["continuation-token"] = token

    def put_log_lines(self, group: str, stream: str, lines: list[str], region: str) -> None:
        """Append lines to a CloudWatch stream that need not exist.

        They carry the real time: CloudWatch takes none that is hours ahead, and the endpoint's clock may be.
        """
        now = int(time.time() * 1000)
        where = {"logGroupName": group, "logStreamName": stream}
        self._logs("CreateLogGroup", {"logGroupName": group}, region)
        self._logs("CreateLogStream", where, region)
        events = [{"timestamp": now, "message": line} for line in lines]
        self._logs("PutLogEvents", where | {"logEvents": events}, region)

    def send_message(self, queue: str, body: str, region: str) -> None:
        """Send a message to an SQS queue, which is created if it is not there."""
        made = json.loads(self._sqs("CreateQueue", {"QueueName": queue}, region).get_data())
        self._sqs("SendMessage", {"QueueUrl": made["QueueUrl"], "MessageBody": body}, region)

    def make_queue(self, queue: str, region: str) -> None:
        """Make an SQS queue; one that is there stays."""
        self._sqs("CreateQueue", {"QueueName": queue}, region)

    def _sqs(self, action: str, body: Mapping[str, Any], region: str) -> Any:
        headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
        return self._send("POST", "/", "sqs", region, json.dumps(body).encode(), headers)

    def _logs(self, action: str, body: Mapping[str, Any], region: str) -> None:
        headers = {"X-Amz-Target": f"Logs_20140328.{action}", "Content-Type": "application/x-amz-json-1.1"}
        self._send("POST", "/", "logs", region, json.dumps(body).encode(), headers)

    def _send(
        self,
        method: str,
        path: str,
        service: str,
        region: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        scope = "AWS4-HMAC-SHA256 " + CREDENTIALS.format(region=region, service=service)
        with refused_here():  # what S3 says of a new object may go to an address on the Internet
            return self._client.open(
                path,
                method=method,
                data=body,
                base_url="http://127.0.0.1",
                headers={"Authorization": f"{scope}, SignedHeaders=host, Signature=0", **(headers or {})},
            )
