"""The options that can be set are those that every client of the installed kafka-python takes."""

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from pipelines.ingest.client_options import OPTIONS, KafkaMisconfigured, unfit
from pipelines.ingest.connection import KafkaConnection

CLIENTS = (KafkaConsumer, KafkaProducer, KafkaAdminClient)
OURS = {"bootstrap_servers", "client_id", "sasl_plain_password", "ssl_password"}
OBJECTS = {"kafka_client", "metric_reporters", "selector", "socket_options", "ssl_context", "sasl_oauth_token_provider"}
OF_NO_USE = {"api_version", "metrics_num_samples", "metrics_sample_window_ms", "ssl_crlfile"}


def test_every_option_that_all_clients_have_can_be_set_but_for_what_is_no_text_and_what_has_a_setting():
    common = set.intersection(*(set(client.DEFAULT_CONFIG) for client in CLIENTS))
    assert common - OURS - OBJECTS - OF_NO_USE == OPTIONS


def test_options_of_a_secured_cluster_are_taken():
    assert unfit({
        "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "emberline",
        "ssl_cafile": "/etc/ssl/certs/ca.crt", "ssl_check_hostname": False, "request_timeout_ms": 60_000,
    }) is None  # fmt: skip


def test_options_that_do_not_go_together_are_told_as_such():
    connection = KafkaConnection("127.0.0.1:9", {"request_timeout_ms": 100})
    with pytest.raises(KafkaMisconfigured, match="connections_max_idle_ms"):
        connection.consumer()
