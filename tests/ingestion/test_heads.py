"""Heads of files: cut at a record's end, in the form of the whole."""

import gzip
import json

import pyarrow
import pytest
from pyarrow import parquet

from ingestion.heads import Form, opened, write_head


def head(tmp_path, form: Form, name: str, content: bytes, records: int) -> tuple[bool, bytes]:
    """(is it the whole file, what was written)."""
    path, target = tmp_path / name, tmp_path / "heads" / name
    path.write_bytes(content)
    is_whole = write_head(form, path, target, records)
    assert target.samefile(path) == is_whole
    return is_whole, target.read_bytes()


@pytest.mark.parametrize("records", [1, 2, 3])
def test_a_quoted_line_end_is_no_end_of_a_record(tmp_path, records):
    rows = ["a,b\r\n", '1,"x\r\n""y"""\r\n', "2,z\r\n", '3,"q"\r\n']
    is_whole, written = head(tmp_path, Form("csv"), "a.csv", "".join(rows).encode(), records)
    assert (is_whole, written.decode()) == (records == 3, "".join(rows[: records + 1]))


def test_a_csv_without_a_header_gives_no_record_away(tmp_path):
    assert head(tmp_path, Form("csv", has_header=False), "a.csv", b"1,2\n3,4\n5,6\n", 2) == (False, b"1,2\n3,4\n")


def test_bytes_that_are_no_characters_stay_as_they_are(tmp_path):
    assert head(tmp_path, Form("csv"), "a.csv", b"a\n\xff\n2\n", 1) == (False, b"a\n\xff\n")


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_keeps_whole_elements_and_their_lines(tmp_path, indent):
    array = [{"id": number, "text": "]},{[\n\"'" * 20} for number in range(2000)]
    is_whole, written = head(tmp_path, Form("json"), "a.json", json.dumps(array, indent=indent).encode(), 700)
    assert (is_whole, json.loads(written)) == (False, array[:700])
    assert json.dumps(array, indent=indent).startswith(written.decode().removesuffix("\n]"))


def test_a_broken_array_is_left_to_the_landing(tmp_path):
    content = b'[{"a": 1}, {"a": ' + b" " * 200_000
    assert head(tmp_path, Form("json"), "a.json", content, 10) == (True, content)
    assert head(tmp_path, Form("json"), "b.json", b'{"a": 1}', 10) == (True, b'{"a": 1}')


def test_a_compressed_file_gives_a_compressed_head(tmp_path):
    lines = b'{"a": 1}\n' * 100
    _, written = head(tmp_path, Form("json_lines"), "a.jsonl.gz", gzip.compress(lines), 3)
    assert gzip.decompress(written) == b'{"a": 1}\n' * 3
    head(tmp_path, Form("json_lines"), "a.jsonl.zst", pyarrow.compress(lines, codec="zstd", asbytes=True), 3)
    with opened(tmp_path / "heads" / "a.jsonl.zst") as file:
        assert file.read() == b'{"a": 1}\n' * 3


def test_the_head_of_a_truncated_gzip_is_cut_and_the_whole_of_it_left_to_the_landing(tmp_path):
    truncated = gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)[:-20]
    is_whole, written = head(tmp_path, Form("csv"), "a.csv.gz", truncated, 5)
    assert (is_whole, gzip.decompress(written)) == (False, b"a,b\n" + b"1,2\n" * 5)
    assert head(tmp_path, Form("csv"), "b.csv.gz", truncated, 50_001) == (True, truncated)


def test_a_parquet_head_has_the_same_types(tmp_path):
    table = pyarrow.table({"id": pyarrow.array(range(100), pyarrow.int16()), "tags": [[{"k": "a"}]] * 100})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    assert not write_head(Form("parquet"), tmp_path / "a.parquet", tmp_path / "heads" / "a.parquet", 20)
    assert parquet.read_table(tmp_path / "heads" / "a.parquet").equals(table.slice(0, 20))


def test_an_unterminated_quote_does_not_read_a_file_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.heads.MAX_CHARACTERS", 1000)
    is_whole, written = head(tmp_path, Form("csv"), "a.csv", b'a,b\n1,"x\n' + b"2,y\n" * 10_000, 5)
    assert not is_whole and 900 < len(written) < 1100
