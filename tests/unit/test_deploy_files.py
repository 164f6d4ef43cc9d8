"""The deployment is not run here; that its files agree with the code, and with each other, is checked."""

import ipaddress
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from cluster.embedded import cassandra_login, cassandra_node
from cluster.embedded import redis as embedded_redis
from cluster.embedded.ports import PortBlock
from cluster.embedded.ray_environment import ON_SEVERAL_NODES, ServePorts, to_connect
from cluster.embedded.ray_node import token_path
from cluster.settings import Settings
from cluster.signing_keys import keys_folder

ROOT = Path(__file__).resolve().parents[2]
RAY_NODES = ("ray-head", "ray-worker-1", "ray-worker-2")
WORKERS = RAY_NODES[1:]
ONE_SHOT = {"keys", "cassandra-login", "murmur"}
NOT_IN_THE_IMAGE = {"tests", "benchmarks"}
CODE_IN_IMAGE, DATA_IN_IMAGE = "/app", "/var/lib/murmur"


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


COMPOSE = read_yaml("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = read_yaml("deploy/prometheus/prometheus.yml")


def dockerfile() -> list[tuple[str, str]]:
    """Instructions and their arguments, in order."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]


def dockerfile_environment() -> dict[str, str]:
    pairs = (pair for word, rest in dockerfile() if word == "ENV" for pair in rest.split())
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def option(service: str, name: str) -> str:
    """The value of a `--name=value` in a service's command."""
    found = [word.partition("=")[2] for word in SERVICES[service]["command"] if word.startswith(f"--{name}=")]
    assert len(found) == 1, f"{service} has --{name} {len(found)} times"
    return str(found[0])


def address(node: str) -> str:
    return str(SERVICES[node]["networks"]["murmur"]["ipv4_address"])


def settings_of(service: str) -> dict[str, str]:
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    return {name: value for name, value in environment.items() if name.startswith("MURMUR_")}


def parsed_settings() -> Settings:
    """The deployment's settings as the code reads them; a bad value raises (unknown names: see below)."""
    given = {name.removeprefix("MURMUR_").lower(): value for name, value in settings_of("ray-head").items()}
    return Settings.model_validate({name: given[name] for name in given.keys() & Settings.model_fields.keys()})


def targets(job: str) -> dict[str, int]:
    """Port by host of a scrape job."""
    (config,) = [config for config in PROMETHEUS["scrape_configs"] if config["job_name"] == job]
    pairs = [target.split(":") for part in config["static_configs"] for target in part["targets"]]
    return {host: int(port) for host, port in pairs}


def test_the_services_are_those_that_the_design_names() -> None:
    assert set(SERVICES) == {"cassandra", "redis", *RAY_NODES, "prometheus", *ONE_SHOT}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_watched_or_runs_once(service: str) -> None:
    config = SERVICES[service]
    if service in ONE_SHOT:
        assert config["restart"].partition(":")[0] in ("no", "on-failure")
        assert "healthcheck" not in config
    else:
        assert config["restart"] == "unless-stopped"
        assert config["healthcheck"]["test"][0] == "CMD"
        assert {"interval", "timeout", "retries"} <= set(config["healthcheck"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(service: str) -> None:
    for other, how in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == expected, other


def test_the_start_comes_after_everything_that_it_needs() -> None:
    assert set(SERVICES["murmur"]["depends_on"]) == {"cassandra-login", "redis", *WORKERS}
    assert set(SERVICES["cassandra-login"]["depends_on"]) == {"cassandra"}
    assert all(set(SERVICES[worker]["depends_on"]) == {"ray-head"} for worker in WORKERS)
    assert set(SERVICES["ray-head"]["depends_on"]) == {"keys"}


def test_every_process_of_ray_has_the_same_image() -> None:
    builds = [(SERVICES[name]["image"], SERVICES[name]["build"]) for name in (*RAY_NODES, *sorted(ONE_SHOT))]
    assert all(build == builds[0] for build in builds)
    assert (ROOT / builds[0][1]["dockerfile"]).is_file()
    assert {f"ARG {name}" for name in builds[0][1]["args"]} <= {
        f"{word} {rest.partition('=')[0]}" for word, rest in dockerfile()
    }


@pytest.mark.parametrize("service", ["cassandra", "redis", "prometheus"])
def test_an_image_of_others_names_its_version(service: str) -> None:
    assert re.search(r":v?\d+\.\d+", SERVICES[service]["image"])


def test_the_stores_are_those_that_the_code_was_tried_with() -> None:
    assert SERVICES["cassandra"]["image"] == "cassandra:5.0"
    version = re.match(r"redis:(\d+)\.(\d+)", SERVICES["redis"]["image"])
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (6, 2)


def test_redis_is_configured_as_the_local_one_and_its_password_is_in_no_argument() -> None:
    shell, flags, script = SERVICES["redis"]["command"]
    assert (shell, flags) == ("sh", "-ec")
    lines = script.splitlines()
    assert (lines[0], lines[-1]) == ("exec redis-server - <<END", "END")
    wanted = embedded_redis._CONFIG.format(port="", maxmemory_mb=512, digest="", operator="").splitlines()
    same = [line for line in wanted if line.startswith(("save", "appendonly", "maxmemory"))]
    assert len(same) == 4
    may = next(line for line in wanted if line.startswith("user default")).partition("#")[2].strip()
    assert lines[1:-1] == [*same, f"user default on >$$REDISCLI_AUTH {may}"]
    assert "volumes" not in SERVICES["redis"]


def test_a_start_without_passwords_is_refused_and_none_is_in_the_repository() -> None:
    for service, name, variable in (
        ("redis", "REDISCLI_AUTH", "REDIS_PASSWORD"),
        ("cassandra-login", "CASSANDRA_PASSWORD", "CASSANDRA_PASSWORD"),
    ):
        assert SERVICES[service]["environment"][name].startswith(f"${{{variable}:?")
    assert settings_of("ray-head")["MURMUR_CASSANDRA_PASSWORD"] == "${CASSANDRA_PASSWORD}"
    assert settings_of("ray-head")["MURMUR_CASSANDRA_USERNAME"] == cassandra_login.ROLE
    compile(SERVICES["cassandra-login"]["command"][2], "cassandra-login", "exec")
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_can_become_more_than_it_is(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", ["cassandra", "redis"])
def test_a_store_starts_as_its_own_user_as_root_without_capabilities_cannot_become_it(service: str) -> None:
    assert SERVICES[service]["user"] == service


def test_the_image_is_built_from_its_parts_and_sees_nothing_else() -> None:
    first, *others = (line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#"))
    assert first == "*"
    copied = {word for kind, rest in dockerfile() if kind == "COPY" for word in rest.split()[:-1]}
    assert {line.removeprefix("!") for line in others if line.startswith("!")} == copied


@pytest.mark.parametrize(
    "authenticator",
    ["authenticator: AllowAllAuthenticator\n", "authenticator:\n  class_name : AllowAllAuthenticator\n"],
)
def test_cassandra_asks_who_comes_and_acknowledges_what_is_on_disk_however_often_it_starts(
    tmp_path: Path, authenticator: str
) -> None:
    shipped = (
        f"num_tokens: 16\n{authenticator}commitlog_sync: periodic\n# a comment\ncommitlog_sync_period: 10000ms\n"
        "credentials_validity: 2000ms\ncluster_name: x\n"
    )
    (tmp_path / "cassandra.yaml").write_text(shipped)
    shell, flags, script, *_ = SERVICES["cassandra"]["entrypoint"]
    assert "exec docker-entrypoint.sh" in script
    edits = script.replace("$$", "$").partition("exec ")[0]
    for _ in range(2):
        subprocess.run(
            [shell, flags, edits], env={"PATH": "/usr/bin:/bin", "CASSANDRA_CONF": str(tmp_path)}, check=True
        )
        text = (tmp_path / "cassandra.yaml").read_text()
        assert text.count("commitlog_sync:") == text.count("commitlog_sync_group_window:") == 1
        edited = yaml.safe_load(text)
        assert "commitlog_sync_period" not in edited, "refused by Cassandra beside `group`"
        assert (edited["num_tokens"], edited["cluster_name"]) == (16, "x")
        for name in ("commitlog_sync", "commitlog_sync_group_window", "authenticator", "credentials_validity"):
            assert text.count(f"{name}:") == 1
            assert f"\n{name}: {edited[name]}\n" in cassandra_node._YAML, "as the local one"


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_exists(service: str) -> None:
    known = {f"MURMUR_{field.upper()}" for field in Settings.model_fields}
    assert settings_of(service).keys() <= known


def test_no_file_of_the_deployment_names_a_setting_that_does_not_exist() -> None:
    known = {f"MURMUR_{field.upper()}" for field in Settings.model_fields}
    for path in (ROOT / "docker-compose.yml", *(path for path in (ROOT / "deploy").rglob("*") if path.is_file())):
        found = set(re.findall(r"\bMURMUR_[A-Z_]+[A-Z]\b", path.read_text()))
        assert found <= known, path.name


def test_every_node_has_the_same_environment() -> None:
    assert all(SERVICES[node]["environment"] == SERVICES["ray-head"]["environment"] for node in RAY_NODES)


def test_the_settings_point_at_the_services() -> None:
    settings = parsed_settings()
    assert settings.cassandra_contact_points == ("cassandra:9042",)
    assert settings.redis_url == "redis://:${REDIS_PASSWORD}@redis:6379/0"
    assert settings.cleartext_passwords == "allow", "on the network of the deployment alone"
    assert settings.http_host == "0.0.0.0"
    assert settings.data_dir == Path(DATA_IN_IMAGE)
    assert SERVICES["ray-head"]["environment"]["RAY_ADDRESS"] == f"{address('ray-head')}:{option('ray-head', 'port')}"


def test_one_cassandra_has_one_copy_in_the_datacenter_of_its_snitch() -> None:
    settings = parsed_settings()
    assert settings.cassandra_replication == 1
    assert settings.cassandra_datacenter == "datacenter1"
    assert not {"CASSANDRA_DC", "CASSANDRA_ENDPOINT_SNITCH"} & SERVICES["cassandra"]["environment"].keys()


@pytest.mark.parametrize("service", SERVICES)
def test_every_option_of_ray_is_one_that_the_code_uses(service: str, tmp_path: Path) -> None:
    ports = PortBlock()
    try:
        known = {*ON_SEVERAL_NODES, *to_connect(tmp_path), *ServePorts(ports, tmp_path).environment, "RAY_ADDRESS"}
    finally:
        ports.release()
    used = {name for name in SERVICES[service].get("environment", {}) if name.startswith("RAY_")}
    assert used <= known


def test_ray_runs_with_the_values_that_the_code_wants_everywhere() -> None:
    environment = SERVICES["ray-head"]["environment"]
    assert {name: environment.get(name) for name in ON_SEVERAL_NODES} == ON_SEVERAL_NODES


def test_ray_shows_a_token_that_one_service_makes_and_all_nodes_share() -> None:
    folder = token_path(Path(DATA_IN_IMAGE)).parent
    for service in (*RAY_NODES, "murmur"):
        assert SERVICES[service]["environment"]["RAY_AUTH_MODE"] == "token"
        assert SERVICES[service]["environment"]["RAY_AUTH_TOKEN_PATH"] == str(token_path(Path(DATA_IN_IMAGE)))
    mounts = {service: SERVICES[service].get("volumes") for service in (*RAY_NODES, *ONE_SHOT)}
    assert mounts["keys"] == mounts["ray-head"] == [f"keys:{folder}"]
    snapshots = f"trends:{DATA_IN_IMAGE}/trends"
    assert mounts["murmur"] == [f"keys:{folder}:ro"]
    assert mounts["ray-worker-1"] == mounts["ray-worker-2"] == [f"keys:{folder}:ro", snapshots]
    compile(SERVICES["keys"]["command"][2], "keys", "exec")
    assert f'make_token(Path("{DATA_IN_IMAGE}"))' in SERVICES["keys"]["command"][2]
    assert keys_folder(parsed_settings()).parent == folder, "the head makes them where every node reads them"


def test_the_head_runs_no_actors_and_the_workers_have_room_for_all() -> None:
    assert "--head" in SERVICES["ray-head"]["command"]
    assert option("ray-head", "num-cpus") == "0"
    settings = parsed_settings()
    needed = 0.5 * settings.serve_replicas + 0.1 * (
        settings.fanout_shards + settings.counters + 2 + settings.trends_workers
    )
    assert all(int(option(worker, "num-cpus")) >= needed for worker in WORKERS), "one must do when the other is lost"


@pytest.mark.parametrize("node", RAY_NODES)
def test_a_node_blocks_and_has_the_address_that_it_says(node: str) -> None:
    assert SERVICES[node]["command"][:2] == ["ray", "start"]
    assert "--block" in SERVICES[node]["command"]
    assert option(node, "node-ip-address") == address(node)
    subnet = COMPOSE["networks"]["murmur"]["ipam"]["config"][0]["subnet"]
    assert ipaddress.ip_address(address(node)) in ipaddress.ip_network(subnet)


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_joins_the_head(worker: str) -> None:
    assert option(worker, "address") == f"{address('ray-head')}:{option('ray-head', 'port')}"


def test_only_the_proxies_on_the_nodes_are_believed() -> None:
    assert parsed_settings().trusted_proxies == tuple(address(node) for node in RAY_NODES)


def test_the_start_is_what_the_command_line_does() -> None:
    shell, flags, script = SERVICES["murmur"]["command"]
    assert (shell, flags) == ("sh", "-ec")
    submit, _, check = script.partition("\nexec python -c ")
    assert submit.startswith(
        f"ray job submit --no-wait --address=http://ray-head:{option('ray-head', 'dashboard-port')} "
    )
    assert submit.endswith(" -- python -m cluster up")
    compile(check.strip().strip("'"), "murmur", "exec")
    assert f"http://ray-head:{parsed_settings().http_port}" in check


def test_the_api_is_open_and_what_operators_use_is_not() -> None:
    http_port, dashboard = parsed_settings().http_port, option("ray-head", "dashboard-port")
    published = {service: config["ports"] for service, config in SERVICES.items() if "ports" in config}
    assert published == {
        "ray-head": [f"{http_port}:{http_port}", f"127.0.0.1:{dashboard}:{dashboard}"],
        "ray-worker-1": [f"{http_port + 1}:{http_port}"],
        "ray-worker-2": [f"{http_port + 2}:{http_port}"],
        "prometheus": ["127.0.0.1:9090:9090"],
    }


def test_every_volume_and_network_is_declared_and_used() -> None:
    named = {
        mount.partition(":")[0]
        for config in SERVICES.values()
        for mount in config.get("volumes", ())
        if not mount.startswith((".", "/"))
    }
    assert named == set(COMPOSE["volumes"])
    assert {network for config in SERVICES.values() for network in config.get("networks", ())} == {"murmur"}
    assert set(COMPOSE["networks"]) == {"murmur"}


def test_the_image_has_every_root_package_and_nothing_else_of_ours() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_IN_THE_IMAGE
    copied = {tuple(rest.split()) for word, rest in dockerfile() if word == "COPY"}
    assert copied == {("pyproject.toml", "constraints.txt", "./"), *((package, package) for package in packages)}


def test_the_image_has_a_python_that_the_project_allows() -> None:
    (image,) = [rest for word, rest in dockerfile() if word == "FROM"]
    version = re.fullmatch(r"python:(\d+\.\d+)-slim", image)
    assert version is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SpecifierSet(project["requires-python"]).contains(version[1])


def test_the_image_installs_exact_versions() -> None:
    installs = [rest for word, rest in dockerfile() if word == "RUN" and "pip install" in rest]
    assert installs == ["pip install --constraint constraints.txt ."]


def test_the_image_has_the_code_at_one_path_and_an_ordinary_user() -> None:
    assert [rest for word, rest in dockerfile() if word == "WORKDIR"][-1] == CODE_IN_IMAGE
    assert dockerfile_environment()["PYTHONPATH"] == CODE_IN_IMAGE
    users = [rest for word, rest in dockerfile() if word == "USER"]
    assert users == ["murmur"]
    made = next(rest for word, rest in dockerfile() if word == "RUN" and "useradd" in rest)
    assert f"--home-dir {DATA_IN_IMAGE} " in made
    assert f"install -d -o murmur -g murmur -m 700 {token_path(Path(DATA_IN_IMAGE)).parent}" in made


def test_haproxy_is_started_through_our_launcher() -> None:
    wrapper = SERVICES["ray-head"]["environment"]["RAY_SERVE_HAPROXY_BINARY_PATH"]
    (made,) = [rest for word, rest in dockerfile() if word == "RUN" and "haproxy" in rest]
    assert f"> {wrapper}" in made
    (launcher,) = re.findall(rf"{CODE_IN_IMAGE}/(\S+\.py)", made)
    assert (ROOT / launcher).is_file()
    for setting in ("MURMUR_RATE_LIMITS", "MURMUR_TRUSTED_PROXIES"):
        assert f"${{{setting}:-" in made, "HAProxy is started by Ray: it knows the settings of its node only"


def test_prometheus_scrapes_every_agent_and_every_haproxy() -> None:
    assert PROMETHEUS["global"]["scrape_interval"] == "15s"
    assert targets("ray") == {node: int(option(node, "metrics-export-port")) for node in RAY_NODES}
    haproxy = int(SERVICES["ray-head"]["environment"]["RAY_SERVE_HAPROXY_METRICS_PORT"])
    assert targets("haproxy") == dict.fromkeys(RAY_NODES, haproxy)


def test_prometheus_scrapes_the_exporter_wherever_the_supervisor_may_be() -> None:
    port = int(settings_of("ray-head")["MURMUR_EXPORTER_PORT"])
    assert targets("murmur-cluster") == dict.fromkeys(WORKERS, port)


def test_prometheus_finds_its_files() -> None:
    assert "./deploy/prometheus:/etc/prometheus:ro" in SERVICES["prometheus"]["volumes"]
    assert all((ROOT / "deploy/prometheus" / name).is_file() for name in PROMETHEUS["rule_files"])
