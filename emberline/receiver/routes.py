"""Routes of the settings, ready to verify requests: wires with secrets, topics, and the treatment of texts."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from emberline.receiver.hook import Route
from emberline.services import Services
from emberline.settings import SettingsError
from emberline.settings.receive import RouteSettings
from pipelines.carriers.parts import WrongCredentials, named_parts
from pipelines.carriers.wires import wires
from pipelines.carriers.wires.base import Check, Wire
from pipelines.ingest.acknowledged import Lane


def open_routes(services: Services) -> list[Route]:
    """Open all routes of the settings.

    Raises:
        SettingsError: There is none, or secrets and options of one do not fit its wire.
    """
    settings = services.settings
    if not settings.receive.routes:
        raise SettingsError("There is no route to receive webhooks on.", "Add one: [receive.routes.NAME].")
    return [
        Route(
            name=name,
            path=route.path,
            checks=_checks(name, route),
            lane=Lane(settings.topic_of(route), services.measures(route.carrier)),
            per_second=route.per_second,
        )
        for name, route in settings.receive.routes.items()
    ]


def _checks(name: str, route: RouteSettings) -> list[Check]:
    wire = wires()[route.wire]
    try:
        first = _parts(wire, route.secret, route.secrets)
        second = _parts(wire, route.second_secret, route.second_secrets)
        checks = [wire.open({**route.options, **first})]
        if second:
            checks.append(wire.open({**route.options, **first, **second}))
    except WrongCredentials as error:
        variable = f"EMBERLINE__RECEIVE__ROUTES__{name.upper()}__SECRET"
        raise SettingsError(
            f"receive.routes.{name}: {error.cause}",
            f"{error.next_step} Secrets are variables of the environment, {variable} or {variable}S__PART; "
            f"others stand in [receive.routes.{name}.options].",
        ) from None
    return checks


def _parts(wire: Wire, secret: SecretStr | None, secrets: Mapping[str, SecretStr]) -> dict[str, str]:
    given = {name: value.get_secret_value() for name, value in secrets.items()}
    return named_parts(f"Wire {wire.name}", wire.parts, None if secret is None else secret.get_secret_value(), given)
