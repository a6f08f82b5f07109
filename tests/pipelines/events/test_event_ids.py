"""Ids that name an account are stored as pseudonyms, by nothing but kind and id; no carrier leaks one by its ids."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from emberline.conformance import read_cases
from emberline.conformance.laws import batch, headers_of
from pipelines.carriers import CARRIERS
from pipelines.carriers.base import ValueByValue
from pipelines.events.decode import decode
from pipelines.events.event_ids import MARKED, pseudonym_of, without_accounts
from pipelines.events.pseudonym import Pseudonyms
from schemas.kinds import OF_AN_ACCOUNT
from tests.pipelines.canonical import PSEUDONYMS, RULES, TOPIC, encoded, link, message, records

CASES = Path(__file__).parents[2] / "conformance" / "carriers"
MAPPED = sorted(set(CARRIERS) - {"cloudevents"})
SHORT = 4
IDS = (*MARKED, "product_id")
OTHERS = replace(RULES, pseudonyms=Pseudonyms(b"another key"))


def stored(*events: dict[str, object], rules=RULES) -> pl.DataFrame:
    values = [encoded(event) for event in events]
    return decode(records(values), {TOPIC: CARRIERS["cloudevents"]}, rules).events.sort("offset")


def naming(events: pl.DataFrame, accounts: set[str]) -> list[tuple[str, str]]:
    """Ids that have one of the accounts in them, by column; short ones only as a part of their own."""
    ids = events.select(IDS).unpivot(variable_name="column", value_name="id").drop_nulls().unique().rows()
    return [(column, one) for column, one in ids if _names_any(one, accounts)]


def _names_any(one: str, accounts: set[str]) -> bool:
    return not accounts.isdisjoint(re.split("[/:]", one)) or any(len(it) > SHORT and it in one for it in accounts)


def natives_of(keys: pl.Series) -> set[str]:
    """Accounts or groups without their platform, but for single digits, which number anything."""
    return {native for key in keys.drop_nulls() if len(native := key.partition(":")[2]) > 1}


def accounts_of(events: pl.DataFrame) -> set[str]:
    """The accounts of decoded events in clear. A channel that writes itself is a group, and no person."""
    members = events.select(pl.col("members").explode().struct.field("id")).to_series()
    keys = pl.concat([events["account_id"], events["linked_account_id"], members])
    return natives_of(keys) - natives_of(events["group_id"])


@pytest.mark.parametrize("name", MAPPED)
def test_no_account_of_a_carriers_payloads_is_in_a_stored_id(name: str):
    cases = read_cases(CASES / f"{name}.yaml")
    accounts = accounts_of(batch(CARRIERS[name], cases).events)
    raw = records([case.value for case in cases]).with_columns(headers=headers_of(cases))
    found, by_rows = (
        decode(raw, {TOPIC: carrier}, RULES).events for carrier in (CARRIERS[name], ValueByValue(CARRIERS[name]))
    )
    assert found.equals(by_rows)
    assert naming(found, accounts) == []


def test_carriers_make_ids_of_accounts():
    names = ("slack", "zulip", "feishu", "wechat_official_account")
    decoded = (batch(CARRIERS[name], read_cases(CASES / f"{name}.yaml")).events for name in names)
    assert all(naming(events, accounts_of(events)) for events in decoded)


def test_ids_of_what_an_account_does_are_pseudonyms_and_those_of_messages_stay():
    kinds = sorted(OF_AN_ACCOUNT - {"identity.linked"})
    data = {"product_id": "p"}
    events = [message(data, id=f"{kind}/app:ann", type=kind) for kind in kinds]
    found = stored(*events, link("app:ann", "app:bo", id="linked/ann/bo"), message(id="message/7", source="other"))
    assert found["event_id"].to_list() == [
        *(pseudonym_of(str(event["id"]), PSEUDONYMS) for event in events),
        pseudonym_of("linked/ann/bo", PSEUDONYMS),
        "message/7",
    ]


def test_a_marked_id_is_a_pseudonym_in_the_message_and_in_what_refers_to_it():
    found = stored(
        message({"message_id": "~ann/7"}, id="~message/ann/7"),
        message({"message_id": "m2", "reply_to": "~ann/7"}, id="message/2"),
        message({"message_id": "~ann/7", "member_id": ...}, id="recalled/7", type="message.recalled"),
    )
    of_message = pseudonym_of("~ann/7", PSEUDONYMS)
    assert found["event_id"].to_list() == [pseudonym_of("~message/ann/7", PSEUDONYMS), "message/2", "recalled/7"]
    assert found["message_id"].to_list() == [of_message, "m2", of_message]
    assert found["reply_to"].to_list() == [None, of_message, None]


def test_a_pseudonym_follows_from_id_and_key_and_is_its_own():
    [event_id] = stored(message(id="joined/ann", type="member.joined"))["event_id"]
    [again] = stored(message(id="joined/ann", type="member.joined", data={"member_id": "app:bo"}))["event_id"]
    [of_another_key] = stored(message(id="joined/ann", type="member.joined"), rules=OTHERS)["event_id"]
    assert event_id == again != of_another_key
    assert pseudonym_of(event_id, PSEUDONYMS) == event_id
    rows = stored(message(id="joined/ann", type="member.joined"), message({"message_id": "~ann"}))
    assert without_accounts(rows, PSEUDONYMS).equals(rows)
