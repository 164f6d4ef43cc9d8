"""Environment variables of Ray and Ray Serve, which take most of their options nowhere else.

Bound to the loopback by these: the GCS, the raylet, workers, agents, the dashboard, and (by the launcher) HAProxy's
statistics and metrics, which Ray binds to every interface. Not so the gRPC port of each Serve replica: Ray has no
option for its address, and what it asks of a caller there is not known; a laptop on a hostile network needs a firewall.
"""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from cluster.embedded.ports import PortBlock

ROOT = Path(__file__).resolve().parents[2]
_REPLICA_PORTS = 40  # per protocol: more replicas than a laptop runs, during a rolling update too

# Wherever Ray runs. Draining is short because no other load balancer stands in front; see recipes in docs/operations.
EVERYWHERE = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "2",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "120",
    # Ray starts uvicorn so that it believes X-Forwarded-For from the loopback; whom to believe is for us to decide.
    "FORWARDED_ALLOW_IPS": "",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Replicas and actors are the service, no batch work: at Ray's 15 they starve beside a busy Cassandra.
    "RAY_worker_niceness": "0",
}

# Where Ray runs on several nodes: on all of them, and for whoever is a driver there.
ON_SEVERAL_NODES = {
    **EVERYWHERE,
    # Ray's own minute is too short for a head to come back: then everybody who misses it ends.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
    # A node that does not answer for so long counts as lost; by Ray's own numbers that takes up to a minute.
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "4",
}


def to_connect(token_file: Path) -> dict[str, str]:
    """Environment of a process that talks to a Ray of ours: its token, and the loopback as the address of this node."""
    return {
        **EVERYWHERE,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file),
        # despite its name: 0 makes this node's address 127.0.0.1, and Ray then listens nowhere else
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # One machine: less is asked for there, and memory is short.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        "REPORTER_UPDATE_INTERVAL_MS": "15000",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONPATH": str(ROOT),  # workers find the root packages of this checkout
    }


class ServePorts:
    """Ports and files of one system's HAProxy and replicas, apart from any other system's on the machine."""

    def __init__(self, ports: PortBlock, scratch: Path) -> None:
        self.haproxy_metrics, self._stats = ports.port(), ports.port()
        self._wrapper = scratch / "haproxy"
        folder = scratch / "h"  # short: Ray adds 56 characters, and a socket's path may have 107
        http, grpc = ports.range_of(_REPLICA_PORTS), ports.range_of(_REPLICA_PORTS)
        values = {
            "RAY_SERVE_HAPROXY_BINARY_PATH": self._wrapper,
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": folder / "haproxy.cfg",
            "RAY_SERVE_HAPROXY_SOCKET_PATH": folder / "admin.sock",
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": folder / "metrics.sock",
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": folder,
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": folder / "server-state",
            "RAY_SERVE_HAPROXY_METRICS_PORT": self.haproxy_metrics,
            "RAY_SERVE_HAPROXY_STATS_PORT": self._stats,
            "RAY_SERVE_HAPROXY_NBTHREAD": 2,
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": ports.port(),
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": ports.port(),
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": http[0],
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": http[1],
            "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": grpc[0],
            "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": grpc[1],
            "DASHBOARD_METRIC_PORT": ports.port(),
        }
        self.environment = {name: str(value) for name, value in values.items()}

    def write_wrapper(self, haproxy: str, rate_limits: str = "off", proxies: Iterable[str] = ()) -> None:
        """Make the program that Ray starts in place of HAProxy; see `haproxy_launcher`.

        With rate limits `on` it bounds what an address may do, but for those proxies.
        """
        launcher = Path(__file__).with_name("haproxy_launcher.py")
        words = [sys.executable, "-IS", str(launcher), haproxy, f"{self._stats},{self.haproxy_metrics}"]
        words += [rate_limits, ",".join(proxies)]
        self._wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        self._wrapper.chmod(0o700)
