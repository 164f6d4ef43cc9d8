import inspect
import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from cluster.errors import SettingsError
from cluster.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"MURMUR_{field.upper()}", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_without_any_variable_a_local_system_is_described() -> None:
    settings = load_settings()
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8000)
    assert settings.cassandra_contact_points == ()
    assert settings.redis_url is None
    assert settings.ray_address is None
    assert settings.data_dir == Path.cwd() / ".murmur"


def test_every_field_is_documented() -> None:
    lines = inspect.getsource(Settings).splitlines()
    for field in Settings.model_fields:
        position = next(i for i, line in enumerate(lines) if line.startswith(f"    {field}: "))
        assert lines[position + 1].startswith('    """'), field


def test_values_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MURMUR_HTTP_PORT", "8123")
    monkeypatch.setenv("MURMUR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MURMUR_CASSANDRA_CONTACT_POINTS", "one:9042, two:9043")
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    settings = load_settings()
    assert settings.http_port == 8123
    assert settings.data_dir == tmp_path
    assert settings.cassandra_contact_points == ("one:9042", "two:9043")
    assert settings.ray_address == "head:6379"


def test_any_page_may_read_unless_origins_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().cors_origins == ("*",)
    monkeypatch.setenv("MURMUR_CORS_ORIGINS", "https://app.example, http://localhost:3000")
    assert load_settings().cors_origins == ("https://app.example", "http://localhost:3000")


def test_the_haproxy_of_a_local_system_is_believed_beside_the_proxies_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().believed_proxies == ("127.0.0.1",)
    monkeypatch.setenv("MURMUR_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    assert load_settings().believed_proxies == ("10.0.0.0/8", "::1", "127.0.0.1")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert load_settings().believed_proxies == ("10.0.0.0/8", "::1"), "nodes have HAProxies of other addresses"


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURMUR_REDIS_URL", "")
    assert load_settings().redis_url is None


def test_an_unknown_name_is_refused_with_its_near_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURMUR_HTP_PORT", "1")
    with pytest.raises(SettingsError, match=r"MURMUR_HTP_PORT is not a setting .* did you mean MURMUR_HTTP_PORT"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HTTP_PORT", "abc", r"MURMUR_HTTP_PORT is 'abc'"),
        ("HTTP_PORT", "70000", r"MURMUR_HTTP_PORT is '70000'"),
        ("RATE_LIMITS", "maybe", r"MURMUR_RATE_LIMITS is 'maybe'"),
        ("LIMITS", "tiny", r"MURMUR_LIMITS is 'tiny'"),
        ("CASSANDRA_CONTACT_POINTS", "host", r"'host' is not host:port"),
        ("CASSANDRA_CONTACT_POINTS", "host:0", r"'host:0' is not host:port"),
        ("CASSANDRA_CONSISTENCY", "SOME", r"MURMUR_CASSANDRA_CONSISTENCY is 'SOME'"),
        ("CASSANDRA_KEYSPACE", "1; DROP", r"MURMUR_CASSANDRA_KEYSPACE"),
        ("CASSANDRA_USERNAME", "me", r"MURMUR_CASSANDRA_USERNAME and MURMUR_CASSANDRA_PASSWORD go together"),
        ("SERVE_REPLICAS_MAX", "1", r"MURMUR_SERVE_REPLICAS_MAX is below MURMUR_SERVE_REPLICAS"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", r"'proxy' is no address or network"),
        ("CORS_ORIGINS", "app.example", r"'app.example' is no origin"),
        ("CORS_ORIGINS", "https://app.example/path", r"is no origin, such as https://app.example"),
        ("REDIS_URL", "http://x", r"MURMUR_REDIS_URL: it must start with redis:// or rediss://"),
        ("REDIS_URL", "redis://a:7000,b:7000/", r"several nodes are those of a cluster, which needs \?cluster=true"),
        ("CASSANDRA_TLS", "maybe", r"MURMUR_CASSANDRA_TLS is 'maybe'"),
        ("CASSANDRA_TLS_KEY_FILE", "key.pem", r"MURMUR_CASSANDRA_TLS_CERTIFICATE_FILE and \S+_KEY_FILE go together"),
        ("CLEARTEXT_PASSWORDS", "some", r"MURMUR_CLEARTEXT_PASSWORDS is 'some'"),
    ],
)
def test_an_invalid_value_gives_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"MURMUR_{name}", value)
    with pytest.raises(SettingsError, match=sentence) as refusal:
        load_settings()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://127.0.0.1:1"),
        ("::1", "http://[::1]:1"),
        ("murmur.example", "http://murmur.example:1"),
    ],
)
def test_what_listens_is_reached_from_this_machine(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    monkeypatch.setenv("MURMUR_HTTP_HOST", host)
    assert load_settings().url_of(1) == url


ELSEWHERE = {
    "CASSANDRA_CONTACT_POINTS": "127.0.0.1:9042,10.0.0.1:9042",
    "CASSANDRA_USERNAME": "me",
    "CASSANDRA_PASSWORD": "hunter2",
}


@pytest.mark.parametrize(
    "given",
    [
        ELSEWHERE,
        {"REDIS_URL": "redis://:hunter2@redis:6379/0"},
        {"REDIS_URL": "redis://10.0.0.1/0?password=hunter2"},
        {"REDIS_URL": "redis://:hunter2@127.0.0.1:7000,10.0.0.1:7000/?cluster=true"},
    ],
)
def test_a_password_does_not_leave_the_machine_in_clear(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"MURMUR_{name}", value)
    with pytest.raises(
        SettingsError, match=r"would go to another machine in clear; .* MURMUR_CLEARTEXT_PASSWORDS"
    ) as no:
        load_settings()
    assert "hunter2" not in str(no.value)
    assert "\n" not in str(no.value)
    monkeypatch.setenv("MURMUR_CLEARTEXT_PASSWORDS", "allow")
    load_settings()


@pytest.mark.parametrize(
    "given",
    [
        {**ELSEWHERE, "CASSANDRA_TLS": "on"},
        {**ELSEWHERE, "CASSANDRA_CONTACT_POINTS": "[::1]:9042"},
        {"CASSANDRA_CONTACT_POINTS": "10.0.0.1:9042"},
        {"REDIS_URL": "rediss://:hunter2@redis:6379/0"},
        {"REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0"},
        {"REDIS_URL": "redis://:hunter2@127.0.0.1:7000,[::1]:7000/?cluster=true"},
        {"REDIS_URL": "redis://redis:6379/0"},
    ],
)
def test_what_is_encrypted_or_stays_here_or_holds_no_password_may_go(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"MURMUR_{name}", value)
    load_settings()


def test_tls_checks_the_certificate_and_its_name_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURMUR_CASSANDRA_TLS", "on")
    assert load_settings().cassandra_tls_options is None, "the local one stays on the loopback"
    monkeypatch.setenv("MURMUR_CASSANDRA_CONTACT_POINTS", "10.0.0.1:9042")
    for word, named in (("on", True), ("off", False)):
        monkeypatch.setenv("MURMUR_CASSANDRA_TLS_VERIFY_HOSTNAME", word)
        options = load_settings().cassandra_tls_options
        assert options is not None
        context = options.context()
        assert (context.check_hostname, context.verify_mode) == (named, ssl.CERT_REQUIRED)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_file_for_tls_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("MURMUR_CASSANDRA_TLS", "on")
    monkeypatch.setenv("MURMUR_CASSANDRA_CONTACT_POINTS", "10.0.0.1:9042")
    monkeypatch.setenv("MURMUR_CASSANDRA_TLS_CA_FILE", str(path))
    with pytest.raises(SettingsError, match=r"the files of MURMUR_CASSANDRA_TLS_\S+ cannot be used"):
        load_settings()


def test_a_password_appears_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURMUR_CASSANDRA_USERNAME", "me")
    monkeypatch.setenv("MURMUR_CASSANDRA_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load_settings())


def test_settings_do_not_change() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.http_port = 1  # type: ignore[misc]  # that it is refused is the point
