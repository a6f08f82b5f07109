"""Open the pulls of the settings: their APIs with secrets, their topics, and the treatment of texts."""

from __future__ import annotations

from emberline.services import Services
from emberline.settings import Settings, SettingsError
from emberline.settings.pull import PullSettings
from pipelines.carriers.parts import WrongCredentials, named_parts
from pipelines.carriers.pullers import pullers
from pipelines.carriers.pullers.base import Api, Puller
from pipelines.carriers.texts import Texts
from pipelines.ingest.pulling.pull import Hooks, Pull, Source


def open_sources(services: Services, names: list[str] | None = None) -> list[Source]:
    """Open the named pulls of the settings, by default all.

    Raises:
        SettingsError: There is no pull, or none of a name, or a pull's secrets or options are wrong.
    """
    settings = services.settings
    if not settings.pull:
        raise SettingsError("There is no API to pull from.", "Add one: [pull.NAME].")
    for name in names or ():
        if name not in settings.pull:
            raise SettingsError(f"There is no [pull.{name}].", f"Pulls: {', '.join(settings.pull)}.")
    texts = Texts.of_company(services.pseudonyms(), keeps=settings.privacy.keep_texts)
    return [_source(services, name, settings.pull[name], texts) for name in names or settings.pull]


def refuse_unfit(settings: Settings) -> None:
    """Raise the errors of `open_sources`, without creating a key, a lake or anything else."""
    for name, pull in settings.pull.items():
        _api(name, pull, Texts(b""))


def _source(services: Services, name: str, pull: PullSettings, texts: Texts) -> Source:
    puller, api = pullers()[pull.puller], _api(name, pull, texts)
    url = pull.url or puller.url
    if url is None:
        raise SettingsError(f"pull.{name} has no url.", f'Say where {puller.title} answers: url = "https://…".')
    return Source(
        name=name,
        api=api,
        url=url,
        topic=services.settings.topic_of(pull),
        prepare=services.measures(puller.carrier),
        interval_s=puller.interval_s if pull.interval_seconds is None else pull.interval_seconds,
        is_held=puller.is_held,
    )


def _api(name: str, pull: PullSettings, texts: Texts) -> Api:
    puller = pullers()[pull.puller]
    secrets = {part: value.get_secret_value() for part, value in pull.secrets.items()}
    secret = None if pull.secret is None else pull.secret.get_secret_value()
    _refuse_secret_options(name, puller, pull)
    try:
        given = named_parts(f"Puller {puller.name}", puller.parts, secret, secrets)
        return puller.open({**pull.options, **given}, texts)
    except WrongCredentials as error:
        variable = f"EMBERLINE__PULL__{name.upper()}__SECRET"
        raise SettingsError(
            f"pull.{name}: {error.cause}",
            f"{error.next_step} Secrets are variables of the environment, {variable} or {variable}S__PART; "
            f"others stand in [pull.{name}.options].",
        ) from None


def _refuse_secret_options(name: str, puller: Puller, pull: PullSettings) -> None:
    """Refuse a secret among the options, because it would be in the settings file."""
    if secret := [part.name for part in puller.parts if part.is_secret and part.name in pull.options]:
        variable = f"EMBERLINE__PULL__{name.upper()}__SECRETS__{secret[0].upper()}"
        raise SettingsError(f"pull.{name}.options holds a secret: {secret[0]}.", f"Set {variable} in the environment.")


def pull_of(services: Services, source: Source, hooks: Hooks | None = None) -> Pull:
    """Create the pull of a source, and its topic if it does not exist."""
    kafka, settings = services.kafka(), services.settings
    kafka.create_topics([source.topic], settings.kafka.partitions)
    return Pull(source, kafka, settings.ingest.group, settings.cursor_topic, hooks)
