"""Files on object stores and HDFS, through Beam's FileSystems: its settings, its errors, its clients.

What Beam 2.77 lacks is added: options before the first pipeline is made, one sentence for whatever a store's
client raises, and one S3 client a process, where Beam makes a new one for each operation (80 ms of CPU).
"""

from __future__ import annotations

import functools
import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from apache_beam.io.aws.s3io import S3IO, parse_s3_path
from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, S3Options
from apache_beam.options.value_provider import RuntimeValueProvider

from pipeline.errors import WinnowError

NO_CREDENTIALS = "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
# What is read ahead: Beam's 16 MiB would be fetched for every slice of a packed file.
_AHEAD = 1 << 20


def use_options(options: PipelineOptions) -> None:
    """Let this process reach object stores and HDFS with `options` (addresses, keys, regions)."""
    FileSystems.set_options(options)


def match(pattern: str) -> list[FileMetadata]:
    """The files that match `pattern`; not the empty objects that stand for folders.

    Raises WinnowError where the store cannot be asked.
    """
    with store("look up", pattern):
        found = FileSystems.match([pattern])[0].metadata_list
    # A name that ends in a slash is a folder made in a console; deleting it would delete all below it.
    return [file for file in found if not file.path.endswith("/")]


def open_stream(path: str) -> BinaryIO:
    """Open the stored bytes of `path`; the stream raises WinnowError where the store fails while it is read.

    No other error would do: readers take theirs for damage of the file, and a network is none.
    """
    with store("read", path):
        stream = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    inner = stream.detach() if isinstance(stream, io.BufferedReader) else stream
    return io.BufferedReader(_Stream(path, inner), _AHEAD)


def put(path: str, data: bytes) -> None:
    """Write `data` as `path` in one call, which object stores show whole or not at all.

    On S3 a put and not Beam's upload in parts, which asks three times, cannot write an empty object, and when
    killed leaves parts that are invisible and paid for. Raises WinnowError where it cannot be written.
    """
    with store("write", path):
        if path.startswith("s3://"):
            bucket, key = parse_s3_path(path)
            client = S3IO(options=FileSystems.get_filesystem(path)._options).client
            client.client.put_object(Bucket=bucket, Key=key, Body=data)
            return
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as sink:
            sink.write(data)


class _Stream(io.RawIOBase):
    def __init__(self, path: str, inner: Any) -> None:
        self._path = path
        self._inner = inner

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        with store("read", self._path):
            return int(self._inner.readinto(target))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with store("read", self._path):
            return int(self._inner.seek(offset, whence))

    def tell(self) -> int:
        return int(self._inner.tell())

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


@contextmanager
def store(what: str, path: str) -> Iterator[None]:
    """Say in one sentence what a file system could not do with `path`."""
    if FileSystems._pipeline_options is None and RuntimeValueProvider.runtime_options is None:
        use_options(PipelineOptions([]))  # a tool that takes no options: the environment's settings
    if path.startswith("s3://"):
        keep_s3_client()
    try:
        yield
    except WinnowError:
        raise
    except Exception as error:  # each store's client has errors of its own
        raise WinnowError(f"cannot {what} {path}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """The innermost cause that an error of a file system names, on one line."""
    details = getattr(error, "exception_details", None)
    if details:
        return reason(next(iter(details.values())))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).strip().split("\n", maxsplit=1)[0]


@functools.cache
def keep_s3_client() -> None:
    """Let the S3 clients that Beam makes share one connection for each set of options (boto3's are safe to
    share between threads); nothing where boto3 is not installed, which `store` then says."""
    from apache_beam.io.aws.clients.s3 import boto3_client  # noqa: PLC0415  # only where S3 is used

    if boto3_client.boto3 is None:
        return
    from boto3.session import Session  # noqa: PLC0415  # the same

    client = boto3_client.Client
    connect = client.__init__
    kept: dict[tuple[object, ...], Any] = {}
    lock = threading.Lock()

    def connect_once(self: Any, options: Any) -> None:
        if isinstance(options, PipelineOptions):
            options = vars(options.view_as(S3Options)._visible_options)
        key = tuple(sorted((name, value) for name, value in options.items() if name.startswith("s3_")))
        with lock:
            if key not in kept:
                # Beam would ask for 10 minutes.
                if not options.get("s3_access_key_id") and Session().get_credentials() is None:
                    raise WinnowError(
                        "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    )
                connect(self, dict(key))
                kept[key] = self.client
        self.client = kept[key]
        self._download_request = self._download_stream = None
        self._download_pos = 0

    client.__init__ = connect_once


class RetryNotes(logging.Handler):
    """Tells the user in a line that a store does not answer and is asked again, which Beam does for 10
    minutes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say the wait and its cause, without the traceback that Beam logs."""
        seconds, _, cause = (record.args if isinstance(record.args, tuple) else ())[:3]
        text = str(cause).strip().split("\n", maxsplit=1)[0]
        self._say(f"a store did not answer, asking again in {float(str(seconds)):.0f} s: {text}")

    def attach(self) -> None:
        """Listen to Beam's retries, and to them alone."""
        logger = logging.getLogger("apache_beam.utils.retry")
        logger.handlers = [self]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
