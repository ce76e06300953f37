"""Every setting, its default and its documentation; ``configuration`` fills them from file, environment and flags.

Names are PyWPS's where its keys carry over. Sizes and durations are numbers (bytes, seconds) or texts such as "1GiB"
and "10min"; 0 means no limit.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

MODES = ("multiprocessing", "sandbox")
"""What `auto` chooses from: from the weakest walls to the strongest."""
DOCKER = "docker"
ModeName = Literal["auto", "multiprocessing", "sandbox", "docker"]
ProcessModeName = Literal["", "multiprocessing", "sandbox", "docker"]


class Size(int):
    """Bytes."""


class Duration(float):
    """Seconds."""


class Address(str):
    """The root of a web server, without a slash at its end."""

    __slots__ = ()


def _doc(text: str) -> Meta:
    return Meta(description=text)


def _cores() -> int:
    return max(2, len(os.sched_getaffinity(0)))


class Server(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HTTP server and what it accepts."""

    host: Annotated[str, _doc("Address to listen on; `0.0.0.0` for every interface.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 5000
    url: Annotated[
        Address,
        _doc("Public address of the server's root as clients see it; `/wps` lies below it. Empty: from host and port."),
    ] = Address()
    datadir: Annotated[
        Path,
        _doc(
            "Where jobs, results and the database live, beside the configuration file when relative, else in the "
            "current directory. One server owns it at a time."
        ),
    ] = Path("cloche-data")
    parallelprocesses: Annotated[
        int, Meta(ge=1, description="Executions that may run at once. Default: one a core, at least 2.")
    ] = field(default_factory=_cores)
    maxprocesses: Annotated[
        int, Meta(ge=0, description="Executions that may wait for a slot; one more is answered with ServerBusy.")
    ] = 30
    maxsingleinputsize: Annotated[Size, _doc("Largest value of one complex input, inline or referenced, decoded.")] = (
        Size(256 << 20)
    )
    maxrequestsize: Annotated[Size, _doc("Largest body of one request.")] = Size(512 << 20)
    allowedinputpaths: Annotated[
        tuple[Path, ...],
        _doc("Directories from which `file:` references may be read. Empty: none."),
    ] = ()
    language: Annotated[
        tuple[str, ...], _doc("Languages that answers are given in (RFC 5646 tags); the first is the default.")
    ] = ("en-US",)
    alloworigins: Annotated[
        tuple[str, ...],
        _doc("Web origins such as `https://maps.example.org` whose pages may use this server from scripts; `*`: all."),
    ] = ()
    keepresults: Annotated[Duration, _doc("How long an ended job and its results are kept.")] = Duration(7 * 86400)
    cleantempdir: Annotated[bool, _doc("Remove an execution's directory as soon as its results are stored.")] = True
    shutdowntimeout: Annotated[
        Duration,
        _doc("How long open requests may go on when the server is asked to end. Running jobs are not ended by it."),
    ] = Duration(10)
    draintimeout: Annotated[
        Duration,
        _doc(
            "How long SIGTERM waits for running jobs before the server ends; new ones are refused meanwhile. Then they "
            "go on by themselves, and the next server takes them over. 0: it does not wait."
        ),
    ] = Duration(0)


class Processing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is published, and behind which walls it runs."""

    mode: Annotated[
        ModeName,
        _doc(
            "`auto` takes the strongest mode that works on this host, never containers, and says which in the log. "
            "`docker`: a container for every execution, made from `image`."
        ),
    ] = "auto"
    packages: Annotated[
        tuple[str, ...],
        _doc("Process packages: dotted module names, or paths of a `.py` file or of a package directory."),
    ] = ()
    entrypoints: Annotated[
        bool, _doc("Also publish every installed package that declares an entry point in the group `cloche.processes`.")
    ] = True
    user: Annotated[
        str, _doc("Account that executions run as when the server runs as root; otherwise they run as the server does.")
    ] = "nobody"
    readablepaths: Annotated[
        tuple[Path, ...],
        _doc("Directories that sandboxed processes may read besides Python, their package and the system libraries."),
    ] = ()
    hiddenpaths: Annotated[
        tuple[Path, ...],
        _doc(
            "Files and directories that sandboxed processes never see, even below something readable. The data "
            "directory and the configuration file always belong to them."
        ),
    ] = ()
    network: Annotated[
        bool, _doc("Let processes that declare a need of the network use the host's. Otherwise they are refused.")
    ] = False
    stopgrace: Annotated[
        Duration,
        _doc("How long a process that is dismissed may tidy up (it gets SIGTERM) before it is killed. 0: not at all."),
    ] = Duration(1)
    pausedclock: Annotated[
        bool, _doc("Let the time limit of a job go on while it is paused. Otherwise its clock stands still.")
    ] = False
    image: Annotated[
        str,
        _doc(
            "Container image that executions in mode docker run in; Cloche and the packages are installed in it. It is "
            "never pulled."
        ),
    ] = ""
    containers: Annotated[
        str,
        _doc(
            "Address of the container daemon (Docker, or podman's service), such as `unix:///run/podman/podman.sock`. "
            "Empty: `DOCKER_HOST`, else Docker's own socket."
        ),
    ] = ""
    runtime: Annotated[
        str, _doc("OCI runtime of containers by the daemon's name for it: `crun`, `runsc`, ... Empty: its default.")
    ] = ""
    containernetwork: Annotated[
        str,
        _doc("The daemon's network for containers of processes that need one, if `network` allows it."),
    ] = "bridge"
    prepared: Annotated[
        int,
        Meta(
            ge=0,
            description="Containers kept ready, their package imported, for each package and set of limits in use. 0: "
            "each is made when it is needed.",
        ),
    ] = 2
    reload: Annotated[
        Duration, _doc("How often the packages' files are looked at for changes. 0: only at the start.")
    ] = Duration(2)


class Limits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one execution may use: defaults and ceilings of every process."""

    memory: Annotated[Size, _doc("Memory of all its operating-system processes together.")] = Size(2 << 30)
    cpus: Annotated[float, Meta(ge=0, description="Processor cores it may keep busy.")] = 0
    cputime: Annotated[Duration, _doc("Processor time.")] = Duration(0)
    processes: Annotated[int, Meta(ge=0, description="Operating-system processes and threads at once.")] = 128
    time: Annotated[Duration, _doc("Time from start to end.")] = Duration(3600)
    queuetime: Annotated[Duration, _doc("Time it may wait for a slot.")] = Duration(86400)
    filesize: Annotated[Size, _doc("Largest file it may write.")] = Size(4 << 30)
    outputsize: Annotated[Size, _doc("All its outputs together.")] = Size(4 << 30)
    outputs: Annotated[int, Meta(ge=0, description="Number of its output files.")] = 100
    openfiles: Annotated[int, Meta(ge=0, description="Open files at once.")] = 1024
    scratch: Annotated[Size, _doc("All that it keeps in its work directory at once.")] = Size(8 << 30)
    logsize: Annotated[Size, _doc("What is kept of its standard output, and of its standard error.")] = Size(1 << 20)
    freespace: Annotated[
        Size,
        _doc(
            "What must stay free on the disk of the data directory: an execution that holds more than is left is ended."
        ),
    ] = Size(256 << 20)


class ProcessLimits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits of one process in place of its author's; `[limits]` stays the ceiling."""

    memory: Annotated[Size, _doc("As in `[limits]`.")] = Size(0)
    cpus: Annotated[float, Meta(ge=0, description="As in `[limits]`.")] = 0
    cputime: Annotated[Duration, _doc("As in `[limits]`.")] = Duration(0)
    processes: Annotated[int, Meta(ge=0, description="As in `[limits]`.")] = 0
    time: Annotated[Duration, _doc("As in `[limits]`.")] = Duration(0)
    queuetime: Annotated[Duration, _doc("As in `[limits]`.")] = Duration(0)
    filesize: Annotated[Size, _doc("As in `[limits]`.")] = Size(0)
    outputsize: Annotated[Size, _doc("As in `[limits]`.")] = Size(0)
    outputs: Annotated[int, Meta(ge=0, description="As in `[limits]`.")] = 0
    openfiles: Annotated[int, Meta(ge=0, description="As in `[limits]`.")] = 0
    scratch: Annotated[Size, _doc("As in `[limits]`.")] = Size(0)
    logsize: Annotated[Size, _doc("As in `[limits]`.")] = Size(0)


class Package(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A package of that name that lives in an image of its own. It is published without being named elsewhere."""

    image: Annotated[
        str, _doc("Container image that it is described and executed in, in mode docker. Empty: `[processing] image`.")
    ] = ""


class Process(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Overrides for the process of that identifier."""

    mode: Annotated[ProcessModeName, _doc("Mode of this process; empty: as its author or `[processing]` says.")] = ""
    image: Annotated[
        str,
        _doc("Container image of this process in mode docker; empty: as its author, package or `[processing]` says."),
    ] = ""
    parallelprocesses: Annotated[
        int, Meta(ge=0, description="Executions of it that may run at once; 0: no own limit.")
    ] = 0
    limits: Annotated[ProcessLimits, _doc("Limits of this process.")] = ProcessLimits()


class References(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How inputs that are given by reference are fetched. The processes themselves have no network."""

    timeout: Annotated[Duration, _doc("Time for the whole of one reference, redirects included.")] = Duration(600)
    connecttimeout: Annotated[Duration, _doc("Time to connect.")] = Duration(10)
    readtimeout: Annotated[Duration, _doc("Longest silence between two pieces.")] = Duration(30)
    redirects: Annotated[int, Meta(ge=0, le=20, description="Redirects followed; each is checked anew.")] = 5
    allowedhosts: Annotated[
        tuple[str, ...],
        _doc(
            "What may be reached although it is not public (private, loopback, link-local): `data.intra`, "
            "`data.intra:8080`, `*.intra`, `10.1.0.0/16`. Public hosts need no entry."
        ),
    ] = ()


class OgcApi(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """OGC API - Processes."""

    profile: Annotated[
        Literal["1.0", "2.0-draft"],
        _doc("`2.0-draft`: what draft 2.0 of Part 1 does in another way is done its way, with the fields of both."),
    ] = "1.0"


class Callbacks(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How subscribers of jobs (OGC API) are told of them: by POST, signed as Standard Webhooks are."""

    serve: Annotated[bool, _doc("Whether requests may name a `subscriber`. Otherwise it is ignored.")] = True
    secret: Annotated[
        str,
        _doc("Key that receivers check signatures with. Empty: the file `callback-secret` of the datadir has one."),
    ] = ""
    timeout: Annotated[Duration, _doc("Time for one try.")] = Duration(30)
    allowedhosts: Annotated[
        tuple[str, ...],
        _doc("Subscribers that may be told although they are not public; as `allowedhosts` of `[references]`."),
    ] = ()


class Metadata(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What capabilities say of the service and of its provider (PyWPS's `[metadata:main]`)."""

    identification_title: Annotated[str, _doc("Title of the service.")] = "Cloche"
    identification_abstract: Annotated[str, _doc("Abstract of the service.")] = ""
    identification_keywords: Annotated[tuple[str, ...], _doc("Keywords.")] = ("WPS", "geoprocessing")
    identification_keywords_type: Annotated[str, _doc("Type of the keywords.")] = "theme"
    identification_fees: Annotated[str, _doc("Fees.")] = "NONE"
    identification_accessconstraints: Annotated[str, _doc("Access constraints.")] = "NONE"
    identification_profile: Annotated[str, _doc("Application profile (URN).")] = ""
    provider_name: Annotated[str, _doc("Name of the provider.")] = "Cloche"
    provider_url: Annotated[str, _doc("Web site of the provider.")] = ""
    contact_name: Annotated[str, _doc("Person to ask.")] = ""
    contact_position: Annotated[str, _doc("Position of that person.")] = ""
    contact_role: Annotated[str, _doc("Role of that person.")] = "pointOfContact"
    contact_address: Annotated[str, _doc("Delivery point.")] = ""
    contact_city: Annotated[str, _doc("City.")] = ""
    contact_stateorprovince: Annotated[str, _doc("State or province.")] = ""
    contact_postalcode: Annotated[str, _doc("Postal code.")] = ""
    contact_country: Annotated[str, _doc("Country.")] = ""
    contact_phone: Annotated[str, _doc("Telephone.")] = ""
    contact_fax: Annotated[str, _doc("Fax.")] = ""
    contact_email: Annotated[str, _doc("Electronic mail address.")] = ""
    contact_url: Annotated[str, _doc("Page about contacting the provider.")] = ""
    contact_hours: Annotated[str, _doc("Hours of service.")] = ""
    contact_instructions: Annotated[str, _doc("How to get in touch.")] = ""


class Logging(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The server's log, on standard error."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _doc("The least level that is written.")] = "INFO"
    format: Annotated[
        Literal["auto", "console", "json"], _doc("`auto`: for people on a terminal, JSON lines elsewhere.")
    ] = "auto"
    access: Annotated[bool, _doc("Also a line for every HTTP request.")] = False


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of ``cloche.toml``."""

    server: Server = field(default_factory=Server)
    processing: Processing = Processing()
    packages: dict[str, Package] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    limits: Limits = Limits()
    references: References = References()
    ogcapi: OgcApi = OgcApi()
    callbacks: Callbacks = Callbacks()
    metadata: Metadata = Metadata()
    logging: Logging = Logging()
