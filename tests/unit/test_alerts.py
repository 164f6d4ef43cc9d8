"""What the alerts ask for exists, and they say what to do."""

import ast
import re
from typing import Any

import pytest

from telemetry import metrics
from tests.unit.test_deploy_files import PROMETHEUS, ROOT, read_yaml

RULES: list[dict[str, Any]] = [
    rule for group in read_yaml("deploy/prometheus/alerts.yml")["groups"] for rule in group["rules"]
]
FOREIGN_METRICS = {
    "up": {"job", "instance"},
    "ray_serve_deployment_replica_healthy": {"deployment", "application"},
    "haproxy_backend_http_responses_total": {"proxy", "code"},
    "haproxy_server_http_responses_total": {"proxy", "server", "code"},
}
"""What Prometheus, Ray and HAProxy themselves provide, with its labels."""
PROMQL_WORDS = {"by", "without", "or", "and", "unless", "on", "ignoring", "bool", "offset", "vector"}


def exporter_metrics() -> dict[str, set[str]]:
    """Names and labels of the gauges that the cluster's exporter makes."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse((ROOT / "actors/exporter.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "GaugeMetricFamily":
            labels = [ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg == "labels"]
            found[ast.literal_eval(node.args[0])] = set(labels[0]) if labels else set()
    return found


def exported_metrics() -> dict[str, set[str]]:
    """Every series that can be asked for, by the name that Prometheus sees, with its labels."""
    found = dict(FOREIGN_METRICS) | exporter_metrics()
    for name, metric in metrics.CATALOGUE.items():
        suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}[metric.kind]
        found |= {f"ray_{name}{suffix}": set(metric.labels) for suffix in suffixes}
    return found


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|without)\s*\([^)]*\)", " ", expression)
    words = re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)
    return set(words) - PROMQL_WORDS


def labels_in(expression: str) -> set[str]:
    """The labels that a PromQL expression selects or sums by."""
    selected = {name for part in re.findall(r"\{([^}]*)\}", expression) for name in re.findall(r"(\w+)\s*[=!]", part)}
    grouped = {name for part in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression) for name in part.split(",")}
    return selected | {name.strip() for name in grouped}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    exported = exported_metrics()
    asked = metrics_in(rule["expr"])
    assert asked
    assert asked <= exported.keys()
    assert labels_in(rule["expr"]) <= set().union(*(exported[name] for name in asked))
    for text in rule["annotations"].values():
        assert set(re.findall(r"\b(?:ray_)?murmur_[a-z_]+", text)) <= exported.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "warn")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert re.search(r"[<>]=? *[\d.]+$", rule["expr"]), "an alert compares with a bound"


def test_alerts_name_jobs_and_deployments_that_exist() -> None:
    text = " ".join(rule["expr"] for rule in RULES)
    assert set(re.findall(r'job="([^"]*)"', text)) <= {config["job_name"] for config in PROMETHEUS["scrape_configs"]}
    (deployment,) = set(re.findall(r'deployment="([^"]*)"', text))
    assert f'name="{deployment}"' in (ROOT / "serve/deploy.py").read_text()


def test_the_main_failures_have_an_alert() -> None:
    asked = set().union(*(metrics_in(rule["expr"]) for rule in RULES))
    assert {
        "ray_murmur_store_errors_total",
        "murmur_dead_letters_kept",
        "murmur_log_lag_seconds",
        "murmur_actors_unhealthy",
        "ray_serve_deployment_replica_healthy",
        "ray_murmur_failed_log_ins_total",
        "ray_murmur_refresh_tokens_reused_total",
        "ray_murmur_sessions_revoked_total",
    } <= asked
