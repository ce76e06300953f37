"""Takes over what an execution left behind. Everything that it says is a claim until it was checked here."""

import re
from pathlib import PurePosixPath

from cloche.jobdir.collector import TooLarge, Unsafe, open_untrusted, read_untrusted_json
from cloche.jobdir.files import RecordError
from cloche.jobdir.layout import HERE, Layout
from cloche.jobdir.records import BoundingBoxResult, FileResult, LiteralResult, ResultOutput, ResultRecord
from cloche.model.data import BoundingBoxData, LiteralData, Output, StoredData
from cloche.model.formats import Format
from cloche.model.job import Failure, FailureKind, Job
from cloche.model.quantities import show_bytes
from cloche.ports.storage import Storage

MAX_RESULT_BYTES = 8 << 20  # literal outputs travel in it
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[ -~]*)?")
_RESULT = str(HERE.result)
_LONGEST_STEM, _LONGEST_SUFFIX = 80, 24


class Spoilt(Exception):
    """What the execution left is no result; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def read_result(layout: Layout) -> ResultRecord | None:
    """``work/result.json``, or None where there is none. Raises Spoilt."""
    try:
        return read_untrusted_json(ResultRecord, layout.root, _RESULT, max_bytes=MAX_RESULT_BYTES)
    except TooLarge:
        raise _limit(f"The literal outputs are larger than {show_bytes(MAX_RESULT_BYTES)}.") from None
    except (Unsafe, RecordError, OSError) as error:
        raise _crash("The process left no valid result.") from error


def result_without_files(layout: Layout) -> ResultRecord | None:
    """The result if it has no files. None where it has, or where it is spoilt: ``read_result`` says why."""
    try:
        result = read_result(layout)
    except Spoilt:
        return None
    if result is None or any(isinstance(output.value, FileResult) for output in result.outputs):
        return None
    return result


def collect(job: Job, layout: Layout, result: ResultRecord | None, storage: Storage) -> tuple[Output, ...]:
    """Store the files of a finished execution. Can be done again. Raises Spoilt, NotEnoughStorage."""
    if result is None or result.failure is not None:
        raise _crash("The process ended without a result.")
    _check(job, result)
    names: set[str] = set()
    outputs, left = [], job.limits.output_size
    for claim in result.outputs:
        data: LiteralData | BoundingBoxData | StoredData
        match claim.value:
            case LiteralResult(value=value, uom=uom):
                data = LiteralData(value=value, uom=uom)
            case BoundingBoxResult(lower=lower, upper=upper, crs=crs):
                data = BoundingBoxData(lower=lower, upper=upper, crs=crs)
            case FileResult() as file:
                data = _store(job, layout, storage, _free_name(claim, file, names), claim.id, file, left)
                left = None if left is None else left - data.size
        outputs.append(Output(id=claim.id, data=data))
    return tuple(outputs)


def _check(job: Job, result: ResultRecord) -> None:
    """Only outputs that were asked for, each once; not more than the limit. An optional output may be absent: the
    runner, which knows the description, fails where a mandatory one is.
    """
    wanted = [output.id for output in job.request.outputs]
    found = [output.id for output in result.outputs]
    if job.limits.outputs is not None and len(found) > job.limits.outputs:
        raise _limit(f"limit of {job.limits.outputs} outputs exceeded")
    if len(set(found)) < len(found) or set(found) - set(wanted):
        raise _crash("The process left outputs that nobody asked for.")


def _store(
    job: Job, layout: Layout, storage: Storage, name: str, output: str, file: FileResult, left: int | None
) -> StoredData:
    path = PurePosixPath(file.file)
    if path.is_absolute() or ".." in path.parts or not _MEDIA_TYPE.fullmatch(file.format.media_type):
        raise _crash(f"The process left no valid file for output {output}.")
    try:
        with open_untrusted(layout.root, str(HERE.out / path), max_bytes=left) as source:
            size = storage.put(job.id, name, source, media_type=file.format.media_type)
    except TooLarge:
        raise _limit(f"output size limit of {show_bytes(job.limits.output_size or 0)} exceeded") from None
    except (Unsafe, FileNotFoundError) as error:
        raise _crash(f"The process left no valid file for output {output}.") from error
    return StoredData(name=name, format=_clean(file.format), size=size)


def _clean(format: Format) -> Format:
    """The format as claimed, without what could break out of a header line."""
    return Format(
        media_type=format.media_type,
        encoding=_UNSAFE.sub("", format.encoding),
        schema="" if any(c.isspace() or not c.isprintable() for c in format.schema) else format.schema,
    )


def _free_name(output: ResultOutput, file: FileResult, taken: set[str]) -> str:
    """A name for storage and URLs: the output's identifier with the file's suffix, once each."""
    stem = _UNSAFE.sub("_", output.id).strip("._")[:_LONGEST_STEM] or "output"
    suffix = _UNSAFE.sub("", "".join(PurePosixPath(file.file).suffixes[-2:]))[-_LONGEST_SUFFIX:]
    name = stem + suffix
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    taken.add(name)
    return name


def _crash(text: str) -> Spoilt:
    return Spoilt(Failure(kind=FailureKind.CRASH, text=text))


def _limit(text: str) -> Spoilt:
    return Spoilt(Failure(kind=FailureKind.LIMIT, text=text))
