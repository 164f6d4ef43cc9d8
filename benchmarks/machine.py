"""What the figures were measured on."""

import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.redis_push import redis_benchmark
from cluster.embedded.redis import find_server

_LIBRARIES = ("ray", "cassandra-driver", "redis", "fastapi", "uvloop", "numpy")


def describe() -> dict[str, str]:
    """Cores, processor, versions and date, each as text."""
    benchmark = redis_benchmark()
    return {
        "cores": str(psutil.cpu_count() or "unknown"),
        "processor": _processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load before": f"{psutil.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "redis-server": _said_version(find_server()),
        "redis-benchmark": _said_version(benchmark) if benchmark else "none on PATH",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _said_version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "unknown"


def _processor() -> str:
    """Its marketing name; Linux alone tells it."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
