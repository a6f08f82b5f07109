"""Every puller keeps the laws of the kit, and what only its own API does."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from emberline.conformance import Broken, check_puller
from pipelines.carriers import CARRIERS, entry_points
from pipelines.carriers import pullers as package
from pipelines.carriers.pullers import BrokenPuller, pullers
from pipelines.carriers.pullers.base import Page, RefusedByApi
from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.pullers import servers
from tests.pipelines.carriers.pullers.served import NOW, answer, payloads, raw, rounds, step
from tests.pipelines.carriers.pullers.servers import SERVERS

SECRET = "s3cret-token"


def api(name: str, **parts: str):
    return pullers()[name].open({"secret": SECRET, **SERVERS[name][1], **parts}, Texts(b"key"))


def test_every_puller_has_an_api_to_be_tried_on():
    assert SERVERS.keys() == pullers().keys()


@pytest.mark.parametrize("name", SERVERS)
def test_it_keeps_the_laws_and_brings_all_there_is_once(name):
    server, options, n = SERVERS[name]
    carrier = CARRIERS[pullers()[name].carrier]
    found = check_puller(pullers()[name], {"secret": SECRET, **options}, server(), carrier)
    assert len(found) == len({(one.value, one.headers) for one in found}) == n


@pytest.mark.parametrize("name", SERVERS)
def test_a_second_round_brings_what_is_new_and_repeats_only_an_overlap(name):
    server = SERVERS[name][0]()
    first = rounds(api(name), server)
    again = rounds(api(name), server, first[-1].cursor)
    assert {one.value for one in raw(again)} <= {one.value for one in raw(first)}
    assert len(again) < len(first) or len(first) < 8


def events(name: str, pages: list[Page]):
    import polars as pl

    from schemas.lake import HEADERS

    found = raw(pages)
    headers = pl.Series([[{"key": k, "value": v} for k, v in one.headers] for one in found], dtype=HEADERS)
    return CARRIERS[pullers()[name].carrier].decode([one.value for one in found], headers).events


def test_telegram_confirms_what_was_committed_and_nothing_else():
    server = servers.TelegramServer(150)
    pages = rounds(api("telegram"), server)
    assert [page.cursor for page in pages] == [{"offset": 601}, {"offset": 651}]
    assert rounds(api("telegram"), server, pages[-1].cursor)[-1].cursor == {"offset": 651}


def test_telegram_says_how_long_to_wait_and_who_else_asks():
    one = api("telegram")
    busy = answer({"ok": False, "error_code": 429, "parameters": {"retry_after": 17}}, 429)
    assert one.retry_after_s(busy) == 17
    with pytest.raises(RefusedByApi, match="has a webhook"):
        one.refused({}, answer({"ok": False}, 409))


def test_stripe_reads_again_what_is_too_young_to_be_settled():
    server = servers.StripeServer(5)
    server.events += [server.event(10, NOW - 50), server.event(11, NOW - 5)]
    first = rounds(api("stripe"), server)
    assert first[-1].cursor == {"last": "evt_4"}
    server.events.insert(6, server.event(12, NOW - 30))
    again = payloads(rounds(api("stripe"), server, first[-1].cursor))
    assert [one["id"] for one in again] == ["evt_10", "evt_12", "evt_11"]


def test_stripe_that_forgot_the_newest_event_is_read_anew_with_a_gap():
    pages = rounds(api("stripe"), servers.StripeServer(5), {"last": "evt_of_last_year"})
    assert pages[0].gap is not None
    assert len(raw(pages)) == 5


def test_an_order_that_changes_gives_each_event_once_and_no_address():
    server = servers.ShopifyServer(3)
    first = rounds(api("shopify"), server)
    assert events("shopify", first)["type"].to_list() == ["order.placed"] * 3
    transaction = {"id": 9, "kind": "refund", "status": "success", "amount": "12.50", "currency": "CNY"}
    refund = {"id": 8, "created_at": "2026-01-01T08:40:00+08:00", "transactions": [transaction]}
    server.orders[0] |= {"updated_at": "2026-01-01T08:40:00+08:00", "financial_status": "paid", "refunds": [refund]}
    found = events("shopify", rounds(api("shopify", overlap="0"), server, first[-1].cursor))
    assert sorted(found["event_id"].to_list()) == ["paid/1001", "refunded/9"]
    assert b"example.com" not in b"".join(one.value for one in raw(first))


def test_a_page_of_orders_that_expired_goes_on_from_what_was_read():
    server = servers.ShopifyServer(7)
    one = api("shopify", overlap="0")
    first = step(one, server, {})
    server.expired = True
    rest = rounds(one, server, first.cursor)
    assert {order["id"] for order in payloads([first, *rest])} == set(range(1001, 1008))


@pytest.mark.parametrize("windows", [True, False])
def test_all_posts_are_found_over_ids_that_are_gone(windows):
    server = servers.DiscourseServer(windows=windows)
    pages = rounds(api("discourse", overlap="10"), server)
    assert {one["post"]["id"] for one in payloads(pages)} == server.posts.keys()
    server.posts[375] = server.post(375, version=2)
    server.posts[380] = server.post(380)
    again = rounds(api("discourse", overlap="10"), server, pages[-1].cursor)
    assert {one["post"]["id"] for one in payloads(again)} == set(range(370, 381))
    assert "edited/375/2" in events("discourse", again)["event_id"].to_list()


@pytest.mark.parametrize("name", ["milky", "onebot11"])
def test_a_group_of_which_the_bot_gives_nothing_does_not_hold_up_the_others(name):
    server = SERVERS[name][0]()

    def without_one(request):
        if '"20001"' in json.dumps(request.json).replace("20001", '"20001"'):
            return answer({"status": "failed", "retcode": 1200})
        return server(request)

    pages = rounds(api(name), without_one)
    assert sum(page.skipped["groups that the bot could not read now"] for page in pages) == 1
    assert len(raw(pages)) == SERVERS[name][2] - (75 if name == "milky" else 250)


def test_messages_of_milky_are_those_of_its_events_and_operators_are_known():
    found = events("milky", rounds(api("milky"), servers.MilkyServer()))
    assert found["event_id"].to_list()[:2] == ["message/20001/seq/46", "message/20001/seq/47"]
    assert found["group_id"].unique().sort().to_list() == ["qq:20001", "qq:20002"]


@pytest.mark.parametrize(("walks", "n_lost"), [(True, 0), (False, 150)])
def test_a_bot_that_gives_the_newest_messages_only_leaves_a_gap_that_is_reported(walks, n_lost):
    server = servers.OneBotServer(walks=walks)
    first = rounds(api("onebot11"), server)
    server.groups[20001] += range(251, 501)
    again = rounds(api("onebot11"), server, first[-1].cursor)
    new = {int(one["real_seq"]) for one in payloads(again) if one["group_id"] == 20001} - set(range(1, 251))
    assert len(new) == 250 - n_lost
    assert bool([page.gap for page in again if page.gap]) == (n_lost > 0)


def test_a_reaction_of_zulip_gets_the_stream_of_its_message():
    found = events("zulip", rounds(api("zulip"), servers.ZulipServer()))
    [reaction] = found.filter(type="reaction.added").to_dicts()
    assert (reaction["group_id"], reaction["message_id"]) == ("zulip:4", "5")


def test_a_zulip_that_knows_no_ids_of_messages_goes_on_without_the_stream():
    found = events("zulip", rounds(api("zulip"), servers.ZulipServer(finds=False)))
    assert "reaction.added" not in found["type"].to_list()


def test_a_queue_that_zulip_dropped_is_replaced_and_no_message_is_lost():
    server = servers.ZulipServer()
    first = rounds(api("zulip"), server)
    server.queue, server.events = "q2", []
    server.messages += [server.message(71), server.message(72)]
    again = rounds(api("zulip"), server, first[-1].cursor)
    assert again[0].gap is not None
    assert [one["message"]["id"] for one in payloads(again)] == [72]


def test_a_day_from_which_on_is_read_leaves_out_what_is_before():
    assert payloads(rounds(api("zulip", since="2027-01-01"), servers.ZulipServer()))[0]["type"] == "message"
    assert raw(rounds(api("milky", since="2027-01-01"), servers.MilkyServer())) == []


class Leaky(type(pullers()["telegram"])):
    """A puller that keeps its secret."""

    name = "leaky"

    def _api(self, parts, texts):
        made = super()._api(parts, texts)
        page = made.page
        made.page = lambda cursor, answer: replace(page(cursor, answer), cursor={"offset": 1, "token": parts["secret"]})
        return made


def test_the_kit_finds_a_puller_that_keeps_its_secret():
    with pytest.raises(Broken, match="secret"):
        check_puller(Leaky(), {"secret": SECRET}, servers.TelegramServer(5), CARRIERS["telegram"])


MINE = Leaky()
TAKEN = pullers()["telegram"]
NONE = 7


@pytest.fixture
def brought(monkeypatch):
    """Bring what stands in this module as the entry point of a package."""

    def bring(name: str) -> None:
        entry = EntryPoint("theirs", f"{__name__}:{name}", package.ENTRY_POINTS)
        monkeypatch.setattr(entry_points, "entry_points", lambda **_: [entry])
        pullers.cache_clear()

    yield bring
    pullers.cache_clear()


def test_a_puller_of_another_package_is_found(brought):
    brought("MINE")
    assert pullers()["leaky"] is MINE


@pytest.mark.parametrize(
    ("name", "words"),
    [("NOWHERE", "Puller theirs of package"), ("NONE", "is not a puller"), ("TAKEN", "name is taken")],
)
def test_an_entry_point_that_is_no_puller_is_refused(brought, name, words):
    brought(name)
    with pytest.raises(BrokenPuller, match=words):
        pullers()
