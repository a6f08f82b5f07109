"""Settings of routes: what is wrong is named, and secrets come from the environment only, whatever they look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.receiver.routes import open_routes
from emberline.services import Services
from emberline.settings import SettingsError, load_settings
from pipelines.carriers.wires.base import Accepted
from tests.pipelines.carriers.wires.schemes import NOW, SCHEMES, TENCENT

HUB = '[receive.routes.hub]\npath = "/hub"\ncarrier = "cloudevents"\nwire = "github"\n'
COM = '[receive.routes.com]\npath = "/com"\ncarrier = "cloudevents"\nwire = "wecom"\n'
PREFIX = "EMBERLINE__RECEIVE__ROUTES__"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a settings file and variables of the environment for the rest of the test."""
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(tmp_path / "emberline.toml"))
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "state"))

    def write_to(text: str, **variables: str) -> None:
        (tmp_path / "emberline.toml").write_text(text)
        for name, value in variables.items():
            monkeypatch.setenv(PREFIX + name, value)

    return write_to


def routes():
    return open_routes(Services(load_settings()))


@pytest.mark.parametrize("secret", ["s3cret", "12345", "true", "null", '{"a": 1}', '"quoted"', "[1]"])
def test_a_secret_is_the_text_of_its_variable_even_if_it_looks_like_json(write, secret):
    write(HUB, HUB__SECRET=secret)
    [route] = routes()
    scheme = SCHEMES["github"]
    assert isinstance(route.checks[0](scheme.sign(b"{}", {"secret": secret}, NOW)), Accepted)


def test_a_route_has_the_topic_of_its_carrier_or_one_of_its_own(write):
    write(HUB + 'topic = "commerce.events"\n' + COM.replace("cloudevents", "zulip"), HUB__SECRET="x")
    settings = load_settings()
    assert [settings.topic_of(route) for route in settings.receive.routes.values()] == ["commerce.events", "raw.zulip"]


def test_several_secrets_have_a_variable_each_and_the_second_ones_replace_those_they_name(write):
    parts = {name: value for name, value in TENCENT.items() if name != "receive_id"}
    variables = {f"COM__SECRETS__{name.upper()}": value for name, value in parts.items()}
    options = f'[receive.routes.com.options]\nreceive_id = "{TENCENT["receive_id"]}"\n'
    write(COM + options, **variables, COM__SECOND_SECRETS__TOKEN="the next")
    [route] = routes()
    first, second = SCHEMES["wecom"].delivery(), SCHEMES["wecom"].delivery(parts=TENCENT | {"token": "the next"})
    assert [isinstance(check(one), Accepted) for check in route.checks for one in (first, second)] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (HUB.replace("github", "gitlab"), r"receive\.routes\.hub\.wire: is not a wire; known wires: .*chatwoot"),
        (
            HUB.replace("cloudevents", "icq"),
            r"receive\.routes\.hub: the carrier is unknown; known carriers: .*cloudevents",
        ),
        (HUB.replace('"/hub"', '"hub"'), r"receive\.routes\.hub\.path: is not a URL path"),
        (HUB.replace('"/hub"', '"/metrics"'), r"receive\.routes\.hub\.path: is one of the receiver's own"),
        (HUB + COM.replace('"/com"', '"/hub"'), r"two routes have the path /hub"),
        (HUB.replace("routes.hub", "routes.Hub"), r"routes\.Hub: a name has small letters"),
        (
            HUB + 'topic = "raw.zulip"\n',
            r"routes\.hub\.topic is not a topic of the carrier cloudevents .*commerce\.events",
        ),
        ('[kafka.topics]\nchat = "zulip"\n' + HUB, r"routes\.hub: no topic under \[kafka\.topics\] has the carrier"),
        ('[receive]\nhost = "localhost"\n' + HUB, r"receive\.host: is not an IP address"),
        (
            HUB + 'secret = "x"\n',
            r"secret: receive\.routes\.hub\.secret\.\nNext: Set EMBERLINE__RECEIVE__ROUTES",
        ),
        (HUB + 'secrets = {secret = "x"}\n', r"holds a secret: receive\.routes\.hub\.secrets"),
    ],
)
def test_what_is_wrong_with_a_route_is_an_error_of_settings(write, text, what):
    write(text)
    with pytest.raises(SettingsError, match=what):
        load_settings()


@pytest.mark.parametrize(
    ("text", "variables", "what"),
    [
        ("", {}, "There is no route"),
        (HUB, {}, "Wire github needs 'secret'.*HUB__SECRET"),
        (HUB + 'options = {host = "x"}\n', {"HUB__SECRET": "x"}, "Wire github knows no 'host'"),
        (COM, {"COM__SECRET": "x"}, "Wire wecom has several secrets.*token, aes_key, receive_id"),
    ],
)
def test_secrets_and_options_that_do_not_fit_the_wire_are_an_error_of_settings(write, text, variables, what):
    write(text, **variables)
    with pytest.raises(SettingsError, match=f"(?s){what}"):
        routes()


def test_no_secret_is_shown_with_the_settings(write):
    write(HUB, HUB__SECRET="very-secret", HUB__SECOND_SECRETS__SECRET="more-secret")
    assert "-secret" not in repr(load_settings()) + repr(load_settings().model_dump())


def test_up_tells_a_missing_secret_before_it_starts_anything(write, tmp_path: Path):
    write(HUB)
    done = CliRunner().invoke(app, ["up"])
    assert done.exit_code == ExitCode.SETTINGS
    assert "Wire github needs 'secret'" in done.output
    assert not list((tmp_path / "state").glob("kafka*"))
