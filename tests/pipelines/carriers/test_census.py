"""Paths are counted by type, and no value and no name that is data is kept."""

from pipelines.carriers.census import MAX_PATHS, census


def test_a_path_counts_once_a_record_and_type():
    found = census([b'{"a": [{"b": 1}, {"b": 2}, {"b": "x"}]}', b'{"a": null}'])
    assert found.rows() == [
        ("", "object", 2),
        ("a", "list", 1),
        ("a", "null", 1),
        ("a[]", "object", 1),
        ("a[].b", "integer", 1),
        ("a[].b", "string", 1),
    ]


def test_names_that_are_data_are_one_path():
    found = census([b'{"members": {"10001": true, "10002": true, "two words": true}}'])
    assert "members.*" in found["path"].to_list()
    assert found.height == 3


def test_what_is_no_json_is_counted():
    assert census([b"<xml/>", b"\xff", b"[" * 5_000]).rows() == [("", "no JSON", 3)]


def test_the_number_of_paths_is_bounded():
    names = [f"{chr(97 + n // 676)}{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}" for n in range(MAX_PATHS + 50)]
    found = census(b'{"%s": 1}' % name.encode() for name in names)
    assert found.height == MAX_PATHS + 1
    assert found.filter(path="…")["records"].item() == 51
