"""Fuzz the parsers of all protocols: ``run.py --seconds 600``, or ``make fuzz``.

Coverage-guided, by atheris, one process after the other for ``kvp``, ``xml`` and ``json``; they begin with the corpus
of the standards beside the repository. What was found is written below ``--findings``; ``run.py TARGET --again FILE``
does one again. Exit code 0: nothing was found; 1: something was; 3: atheris is not there.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STANDARDS = ROOT.parent / "shared" / "standards"
NAMES = ("kvp", "xml", "json")
LONGEST = 4096

sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "fuzz")]


def child(name: str, options: list[str]) -> None:
    """Fuzz one target in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["cloche.protocols", "cloche.values", "cloche.model", "targets"]):
        import targets
    atheris.Setup([sys.argv[0], *options], targets.TARGETS[name])
    atheris.Fuzz()


def fuzz(name: str, seconds: int, findings: Path, corpus: Path) -> bool:
    """Whether the target stood it; prints how many runs there were, or what went wrong."""
    import seeds

    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds.seeds(STANDARDS, name)):
        (folder / f"seed-{number}").write_bytes(seed)
    findings.mkdir(parents=True, exist_ok=True)
    options = [
        str(folder), f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=2048",
        f"-artifact_prefix={findings / name}-", "-print_final_stats=1",
    ]  # fmt: skip
    command = [sys.executable, __file__, "--child", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds + 300, check=False)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    covered = re.findall(r" cov: (\d+)", done.stderr)
    if done.returncode:
        said = re.sub(r"INFO: Instrumenting .*\n", "", done.stdout + done.stderr)
        print(f"{name}: FOUND something\n{said[-6000:]}", flush=True)
        return False
    print(
        f"{name}: {runs[1] if runs else '?'} runs in {seconds} s, {covered[-1] if covered else '?'} edges", flush=True
    )
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TARGET", help="kvp, xml, json; default: all")
    parser.add_argument("--seconds", type=int, default=30, help="for all targets together (default: %(default)s)")
    parser.add_argument("--findings", type=Path, default=ROOT / ".fuzz", help="(default: %(default)s)")
    parser.add_argument("--again", type=Path, metavar="FILE", help="what was found before")
    given = parser.parse_args()
    names = given.names or list(NAMES)
    if set(names) - set(NAMES):
        parser.error(f"the targets are {', '.join(NAMES)}")
    if given.again is not None:
        import targets

        targets.TARGETS[names[0]](given.again.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed")
        return 3
    with tempfile.TemporaryDirectory(prefix="cloche-fuzz-") as corpus:
        each = max(1, given.seconds // len(names))
        stood = [fuzz(name, each, given.findings, Path(corpus)) for name in names]
    return 0 if all(stood) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
    sys.exit(main())
