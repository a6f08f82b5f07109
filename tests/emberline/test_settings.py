"""Settings come from one file and the environment; what is misspelled is an error, what is secret is not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emberline.settings import SettingsError, load_settings
from pipelines.groups.thresholds import Thresholds
from schemas.lake import FACTS

Write = Callable[[str], None]
SECRET = "hunter2-hunter2-hunter2"
METRIC = "[[alerts.metrics]]\nname = 'a'\n"
FELL = f"{METRIC}rule = 'fell_by'\nshare = 0.5\nmetric = "


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without settings, and with none in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMBERLINE_SETTINGS", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write `emberline.toml`."""

    def write_file(text: str) -> None:
        (tmp_path / "emberline.toml").write_text(text)

    return write_file


def test_without_settings_everything_is_embedded():
    settings = load_settings()
    assert (settings.kafka.bootstrap_servers, settings.lake.uri, settings.warehouse.url) == (None, None, None)


def test_the_file_of_the_working_folder_is_read(write: Write):
    write('[rules]\nzone = "Europe/Berlin"\n[kafka.topics]\nchat = "zulip"')
    settings = load_settings()
    assert (settings.zone_info.key, settings.kafka.topics) == ("Europe/Berlin", {"chat": "zulip"})


def test_values_of_records_are_kept_for_90_days_or_forever(write: Write):
    assert load_settings().privacy.keep_raw_days == 90
    write('[privacy]\nkeep_raw_days = "forever"')
    assert load_settings().privacy.keep_raw_days is None
    write("[privacy]\nkeep_raw_days = 0")
    with pytest.raises(SettingsError, match=r"privacy\.keep_raw_days: Input should be greater than or equal to 1"):
        load_settings()


def test_notes_are_kept_forever_or_at_least_as_long_as_the_records_that_hold_them(write: Write):
    assert load_settings().privacy.keep_note_days is None
    write("[privacy]\nkeep_note_days = 365")
    assert load_settings().privacy.keep_note_days == 365
    write('[privacy]\nkeep_note_days = 365\nkeep_raw_days = "forever"')
    with pytest.raises(SettingsError, match=r"privacy: keep_note_days is less than .* of notes forever"):
        load_settings()
    write("[privacy]\nkeep_note_days = 89")
    with pytest.raises(SettingsError, match=r"of notes for 90 days"):
        load_settings()


def test_a_model_named_twice_is_an_error(write: Write):
    write('[rules]\nattribution_models = ["linear", "linear"]')
    with pytest.raises(SettingsError, match="named twice"):
        load_settings()


def test_the_environment_goes_over_the_file_key_by_key(write: Write, monkeypatch: pytest.MonkeyPatch):
    write("[rules]\nlateness_minutes = 5\nidle_feed_hours = 7")
    monkeypatch.setenv("EMBERLINE__RULES__LATENESS_MINUTES", "9")
    rules = load_settings().rules
    assert (rules.lateness_minutes, rules.idle_feed_hours) == (9, 7)


def test_an_argument_goes_over_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE__STATE", "from-environment")
    assert load_settings(state=Path("from-argument")).state == Path("from-argument")


def test_a_file_named_in_the_environment_is_read_instead(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write("[kafka]\npartitions = 1")
    (tmp_path / "other.toml").write_text("[kafka]\npartitions = 2")
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(tmp_path / "other.toml"))
    assert load_settings().kafka.partitions == 2


def test_a_file_named_in_the_environment_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("[rule]\nzone = 'UTC'", "rule", id="unknown section"),
        pytest.param("zone = 'UTC'", "zone", id="key outside its section"),
        pytest.param("[rules]\nzonee = 'UTC'", r"rules\.zonee", id="unknown key"),
        pytest.param("[rules]\nzone = 'Asia/Peking'", r"rules\.zone: is not an IANA time zone", id="unknown zone"),
        pytest.param("[rules]\nzone = '../../etc/passwd'", r"rules\.zone", id="a path for a zone"),
        pytest.param("[kafka.coverage]\nchat = 'mentions'", r"kafka.coverage: chat is not a topic", id="no topic"),
        pytest.param("[kafka.topics]\nchat = 'icq'", r"the carrier of chat is unknown; .*zulip", id="no carrier"),
        pytest.param("[kafka]\npartitions = 0", r"kafka\.partitions", id="no partitions"),
        pytest.param("[ingest]\nbatch_rows = 0", r"ingest\.batch_rows", id="no rows"),
        pytest.param("[ingest]\nbatch_rows = 'many'", r"ingest\.batch_rows", id="wrong type"),
        pytest.param("[rules]\nzone = ", r"emberline\.toml", id="no TOML"),
        pytest.param("rules = 5", "rules", id="section is a number"),
        pytest.param("[groups]\ndying_enter = 0", r"groups\.dying_enter", id="a level of nothing"),
        pytest.param(
            "[groups]\ndying_enter = 0.7", "dying_enter is above declining_enter", id="dying before declining"
        ),
        pytest.param("[groups]\ndying_leave = 0.2", "dying_enter is above dying_leave", id="leaving below entering"),
        pytest.param("[alerts]\ntarget_precision = 1.5", "less than or equal to 1", id="a share above all"),
        pytest.param(f"{FELL}'sales'", r"alerts\.metrics\.0\.metric: is no metric", id="no metric"),
        pytest.param(f"{FELL}'net_sales'", "not a number over different values of model", id="two models"),
        pytest.param(f"{FELL}'lifetime_sales'", r"alerts\.metrics\.0: .*has no days and weeks", id="no days"),
        pytest.param(f"{FELL}'median_steps_reached'", "is of single rows", id="a median"),
        pytest.param(f"{FELL}'joins'\nback = 3", "back is no key of fell_by", id="a key of another rule"),
        pytest.param(f"{FELL}'joins'\n{FELL}'leaves'", "the name a is given twice", id="a name twice"),
        pytest.param(f"{METRIC}rule = 'below'\nmetric = 'joins'", "below needs value", id="no line"),
        pytest.param(
            f"{METRIC}rule = 'share_shifted'\npoints = 5\nper = 'group'\nmetric = 'staff_share'",
            "is no sum of parts",
            id="shares of a ratio",
        ),
        pytest.param("[groups]\nbaseline_weeks = 3", "least_baseline_weeks is above", id="a baseline too short"),
        pytest.param("[groups.purposes.sales]\ndeep = 1", r"purposes\.sales: deep", id="unknown key of a purpose"),
        pytest.param(
            "[groups.purposes.sales]\ndeclining_leave = 0.5",
            r"purposes\.sales: .*declining_enter is above declining_leave",
            id="a purpose at odds with the thresholds of all",
        ),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_key(write: Write, text: str, named: str):
    write(text)
    with pytest.raises(SettingsError, match=named):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("EMBERLINE__RULE__ZONE", "UTC", "'rule'"),
        ("EMBERLINE__RULES__ZONEE", "UTC", "zonee"),
        ("emberline__rules__zonee", "UTC", "zonee"),
        ("EMBERLINE_RULES__ZONE", "UTC", "EMBERLINE__RULES__ZONE"),
        ("EMBERLINE_STATE", "x", "EMBERLINE__STATE"),
        ("EMBERLINE__RULES__ZONE", "Mars/Olympus", r"rules\.zone: is not an IANA"),
        ("EMBERLINE__RULES", "{not json", "rules"),
        ("EMBERLINE__KAFKA__TOPICS", "[1]", "topics"),
        ("EMBERLINE__STATE__FOLDER", "x", "state"),
    ],
)
def test_a_wrong_variable_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


SECRETS = [
    "EMBERLINE__PRIVACY__KEY",
    "EMBERLINE__WAREHOUSE__URL",
    "EMBERLINE__KAFKA__SASL_PASSWORD",
    "EMBERLINE__KAFKA__SSL_PASSWORD",
]


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, f"postgresql+psycopg://user:{SECRET}@host/database" if "URL" in variable else SECRET)
    settings = load_settings()
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_options_of_the_store_may_hold_credentials_and_are_not_shown(write: Write):
    write(f"[lake.storage_options]\naws_secret_access_key = '{SECRET}'")
    assert SECRET not in repr(load_settings())


@pytest.mark.parametrize("option", ["sasl_plain_password", "ssl_password"])
def test_a_password_among_kafkas_options_is_refused_and_not_shown(write: Write, option: str):
    write(f"[kafka.options]\n{option} = '{SECRET}'")
    with pytest.raises(SettingsError, match=option) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EMBERLINE__PRIVACY", f'{{"key": "{SECRET}", "kee": "{SECRET}"}}'),
        ("EMBERLINE__PRIVACY", f'{{"key": "{SECRET}"'),
        ("EMBERLINE__PRIVACY__KEE", SECRET),
        ("EMBERLINE__PRIVACY__KEY__X", SECRET),
        ("EMBERLINE__PRIVACY__KEY", "too-short"),
    ],
)
def test_an_error_does_not_show_a_secret(monkeypatch: pytest.MonkeyPatch, variable: str, value: str):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    shown: BaseException | None = caught.value
    while shown is not None:
        assert SECRET not in f"{shown}"
        assert "too-short" not in f"{shown}"
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


COMPLETE_DAYS = {
    "retention", "lifecycle", "member_state", "person_value", "group_health", "group_state", "risk_model", "group_risk",
    "segment_activity", "segment_retention", "revenue_cohort", "group_network", "intervention_case", "conversion_path",
}  # fmt: skip
WATERMARK = COMPLETE_DAYS | {"funnel_entry", "funnel_curve", "funnel_trend"}
DEPENDING = {
    ("rules", "half_life_days", "3"): {"order_credit"},
    ("rules", "look_back_days", "3"): {"order_credit", "person_path", "conversion_path"},
    ("rules", "attribution_models", "['linear']"): {"order_credit"},
    ("rules", "lateness_minutes", "7"): WATERMARK,
    ("rules", "idle_feed_hours", "7"): WATERMARK,
    ("rules", "zone", "'UTC'"): COMPLETE_DAYS | {"funnel_trend", "group_hour", "group_sales_day", "intervention"},
    ("groups", "dead_after_days", "27"): {"group_health", "group_state"},
    ("groups", "silent_days", "6"): {"group_health", "group_state", "intervention"},
    ("groups.purposes.sales", "stay_days", "9"): {"group_health", "group_state", "intervention"},
    ("groups", "risk_retrain_days", "30"): {"risk_model", "group_risk"},
    ("kafka", "partitions", "4000"): set(),
    ("alerts", "silent_days", "3"): set(),
}
"""A setting by section, key and another value than its own, and the facts that depend on it."""


@pytest.mark.parametrize(("setting", "facts"), DEPENDING.items())
def test_a_setting_changes_the_fingerprints_of_the_facts_that_depend_on_it(
    write: Write, setting: tuple[str, str, str], facts: set[str]
):
    section, key, value = setting
    before = load_settings().fingerprints()
    write(f"[{section}]\n{key} = {value}")
    after = load_settings().fingerprints()
    assert {name for name in before if after[name] != before[name]} == facts


def test_every_rule_that_a_fact_depends_on_is_a_case():
    rules = {key for table in FACTS for key in table.settings if key.startswith("rules.")}
    assert rules == {f"{section}.{key}" for section, key, _ in DEPENDING if section == "rules"}


def test_a_purpose_has_the_thresholds_of_all_groups_but_for_its_own(write: Write):
    write("[groups]\ndead_after_days = 30\n[groups.purposes.sales]\ndying_enter = 0.2")
    life = load_settings().groups.life()
    assert life.of("service") == life.of(None) == Thresholds(dead_after_days=30)
    assert life.of("sales") == Thresholds(dead_after_days=30, dying_enter=0.2)


def test_settings_do_not_change_once_loaded():
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.kafka.partitions = 1


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("warehouse", "url", '"no url"'),
        ("warehouse", "url", '""'),
        ("dagster", "storage_url", f'"postgresql+psycopg://user:{SECRET}@host:port/x"'),
        ("rules", "lateness_minutes", "9223372036854775807"),
        ("rules", "look_back_days", "1000000000"),
        ("ingest", "batch_seconds", "inf"),
        ("ingest", "batch_rows", "1000000000000000000000000"),
        ("alerts", "renotify_hours", "999999999999"),
        ("maintenance", "keep_run_days", "999999999999"),
        ("groups", "least_messages", "nan"),
        ("groups", "purposes", "{ sales = { stay_days = 999999999999 } }"),
        ("lake", "uri", '"a\\u0000b"'),
        ("kafka", "options", "{ sasl_plain_pasword = 'hunter2-hunter2-hunter2' }"),
        ("kafka", "options", "{ enable_auto_commit = true }"),
        ("kafka", "options", "{ request_timeout_ms = 'x' }"),
        ("kafka", "options", "{ request_timeout_ms = -5 }"),
        ("kafka", "options", "{ request_timeout_ms = true }"),
        ("kafka", "options", "{ security_protocol = 'X' }"),
        ("kafka", "options", "{ ssl_check_hostname = 1 }"),
        ("kafka", "options", "{ ssl_cafile = 1 }"),
        ("kafka", "bootstrap_servers", '""'),
        ("kafka", "bootstrap_servers", '"kafka:9092,"'),
        ("kafka", "bootstrap_servers", '"kafka:9092, other:9092"'),
        ("kafka", "bootstrap_servers", '"kafka:0"'),
        ("kafka", "bootstrap_servers", '"kafka:99999"'),
        ("kafka", "bootstrap_servers", f'"postgresql://user:{SECRET}@127.0.0.1:1/x"'),
    ],
)
def test_a_value_that_nothing_can_be_made_of_is_named(write: Write, section: str, key: str, value: str):
    write(f"[{section}]\n{key} = {value}")
    with pytest.raises(SettingsError, match=f"{section}.*{key}") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "servers", ["kafka", "kafka:9092", "a.b-c_d:1,10.0.0.1:65535", "[::1]:9092", "SSL://kafka:9093"]
)
def test_brokers_are_named_as_a_client_of_kafka_takes_them(write: Write, servers: str):
    write(f'[kafka]\nbootstrap_servers = "{servers}"')
    assert load_settings().kafka.bootstrap_servers == servers


@pytest.mark.parametrize(
    ("state", "told"), [("\udcff", "state is not in UTF-8"), ("~nobody-there/x", "not the home of a user")]
)
def test_a_state_folder_that_no_path_can_be_is_named(state: str, told: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE__STATE", state)
    with pytest.raises(SettingsError, match=told):
        load_settings()


def test_a_lake_of_nobody_is_named(write: Write):
    write('[lake]\nuri = "~nobody-there/lake"')
    with pytest.raises(SettingsError, match=r"lake\.uri: .*is not the home of a user"):
        load_settings()


@pytest.mark.parametrize(
    "uri", [f"s3://user:{SECRET}@bucket/lake", f"S3A://key:a/{SECRET}@bucket", f"x+y://:{SECRET}@x"]
)
def test_a_password_in_the_uri_of_the_lake_is_refused_and_not_shown(write: Write, uri: str):
    write(f'[lake]\nuri = "{uri}"')
    with pytest.raises(SettingsError, match=r"lake\.uri: has a password; .*\[lake\.storage_options\]") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["s3://bucket/a:b@c", "abfss://lake@account.dfs.core.windows.net/x", "/srv/a:b@c", "a://"]
)
def test_a_uri_of_the_lake_without_a_password_is_taken(write: Write, uri: str):
    write(f'[lake]\nuri = "{uri}"')
    assert load_settings().lake.uri == uri


def test_a_file_of_tables_within_tables_without_end_is_an_error(write: Write):
    write("x = " + "[" * 5_000)
    with pytest.raises(SettingsError, match="is not TOML"):
        load_settings()


@pytest.mark.parametrize(
    "variable",
    [
        "RULES__ZONE",
        "KAFKA__TOPICS__X",
        "SCHEDULE__CRON",
        "ALERTS__QUIET_HOURS",
        "KAFKA__PARTITIONS",
        "GROUPS__PURPOSES",
    ],
)
def test_a_secret_in_a_wrong_place_is_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(f"EMBERLINE__{variable}", "hush-hush")
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert "hush" not in str(told.value)


def test_a_channels_url_in_the_place_of_its_name_is_not_repeated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBERLINE__ALERTS__PIPELINE_CHANNELS", '["wecombot://hush-hush"]')
    with pytest.raises(SettingsError, match="pipeline_channels has an unknown channel; known channels: kafka") as told:
        load_settings()
    assert "hush" not in str(told.value)
