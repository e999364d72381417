"""How long it takes to list a thousand runs and to compare a hundred: ``python benchmarks/side_by_side.py RUN``.

RUN is the folder of a finished run, which is copied a thousand times, each copy with a value of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main(run: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        text = (run / "provenance.json").read_text(encoding="utf-8")
        summary = json.loads((run / ".summary.json").read_text(encoding="utf-8"))
        for number in range(1000):
            folder = runs / f"run-{number:04}"
            folder.mkdir(parents=True)
            (folder / "provenance.json").write_text(text, encoding="utf-8")
            summary["summary"]["parameters"]["random_seed"] = number
            (folder / ".summary.json").write_text(json.dumps(summary), encoding="utf-8")
        report("list 1,000 runs, kept summaries", ["runs", "--runs", str(runs)])
        hundred = [str(runs / f"run-{number:04}") for number in range(100)]
        report("compare 100 runs, kept summaries", ["compare", *hundred])
        for path in list(runs.glob("*/.summary.json"))[:1000]:
            path.unlink()
        report("compare 100 runs, no summaries", ["compare", *hundred])
        report("list 1,000 runs, 900 without summaries", ["runs", "--runs", str(runs)])
        shutil.rmtree(runs)


def report(what: str, arguments: list[str]) -> None:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mlprov_widgets.cli", *arguments, "--json"], check=True, capture_output=True)
    print(f"{what:<42}{time.perf_counter() - began:6.2f} s, the whole process")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
