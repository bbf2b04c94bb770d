"""Records are counted without DuckDB, and what no parser should see is set aside by line."""

import pytest

from ingestion import counting
from ingestion.count_csv import count_csv
from ingestion.count_json_lines import count_json_lines
from ingestion.count_parquet import count_parquet
from ingestion.counting import FileRefused
from tests.ingestion.door import write_parquet


@pytest.fixture
def count(tmp_path):
    """Count a file of the given bytes, as CSV unless it is told otherwise."""

    def count_bytes(content: bytes, form=lambda path, copy: count_csv(path, ",", copy)):
        path = tmp_path / "file"
        path.write_bytes(content)
        return form(path, tmp_path / "copy")

    return count_bytes


def thorough(count, content: bytes):
    """The count of a CSV file by looking at each line."""
    return count(content, lambda path, copy: count_csv(path, ",", copy, is_thorough=True))


def set_aside(found) -> list[tuple[int, str]]:
    return [(record.line, record.reason) for record in found.set_aside]


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"a,b\n", 0),
        (b"a,b\n1,2\n3,4", 2),
        (b"a,b\r\n1,2\r\n3,4\r\n", 2),
        (b"\xef\xbb\xbfa,b\n1,2\n", 1),
        (b'a,b\n"1,5",2\n"say ""hi""",4\n', 2),
        (b'a,b\n"two\nlines",2\n3,4\n', 2),
        (b'a,b\n5" pipe,2\n', 1),
        (b'a,b\n1, "x,y"\n', 1),
        ("a,b\nü,\u2028\n".encode(), 1),
    ],
)
def test_sound_csv_is_counted_and_read_as_it_is(count, content, records):
    for found in (count(content), thorough(count, content)):
        assert (found.columns, found.records, found.set_aside, found.readable.name) == (("a", "b"), records, (), "file")


def test_csv_records_that_cannot_be_read_are_set_aside_by_line(count):
    found = count(b'a,b\n1,2\n1\n1,2,3\n"x"y,2\n\xff,2\n1\x002,2\n1\r2,2\n' + b"x" * 1_000_001 + b",2\n3,4\n")
    assert found.records == 2
    assert set_aside(found) == [
        (3, "wrong number of fields"),
        (4, "wrong number of fields"),
        (5, "quotes or line ends not as in CSV"),
        (6, "not valid UTF-8"),
        (7, "holds a NUL character"),
        (8, "quotes or line ends not as in CSV"),
        (9, "record longer than 1000000 bytes"),
    ]
    assert found.readable.read_bytes() == b"a,b\n1,2\n3,4\n"


def test_what_is_set_aside_is_known_by_its_shape_alone(count):
    (record,) = thorough(count, b'a,b\n"anna","x"@example.com,7\n').set_aside
    assert record.raw == '"x","x"x,x'


def test_a_line_break_in_a_field_moves_the_lines_of_the_records_after_it(count):
    found = count(b'a,b\n1,2\n"x\n\ny",2\n3,4\n\n5,6\n')
    assert (found.records, found.is_multiline, dict(found.line_breaks)) == (4, True, {1: 2, 3: 6, 4: 8})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'a,"b\n1,2\n', "quotes of its header"),
        (b"a,\xff\n1,2\n", "header line is not UTF-8"),
        (b'a,b\n1,2\n"3,4\n5,6\n7,8\n', "line 3: a quoted field spans lines up to 5 and does not end properly"),
        (b'a,b\n"1,2\n"3",4\n', "line 2: a quoted field spans lines up to 3"),
        (b'a,b\n1,"2\n",3\n', "line 2: a quoted field spans lines up to 3"),
    ],
)
def test_csv_whose_records_cannot_be_told_apart_is_refused(count, content, message):
    with pytest.raises(FileRefused, match=message):
        count(content)


def test_a_csv_cut_off_in_its_last_line_loses_only_that(count):
    found = count(b'a,b\n1,2\n3,"4')
    assert (found.records, set_aside(found)) == (1, [(3, "quotes or line ends not as in CSV")])


def test_mixed_line_ends_are_made_one_without_touching_fields(count):
    found = count(b'a,b\r\n1,2\n"x\r\ny",2\r\n')
    assert (found.records, found.readable.read_bytes()) == (2, b'a,b\n1,2\n"x\r\ny",2\n')


def test_json_lines_are_the_lines_that_are_not_blank(count):
    found = count(b'{"a":1}\n\n  \r\n{"a":2}\n{"half\n', count_json_lines)
    assert (found.records, found.set_aside, dict(found.line_breaks)) == (3, (), {1: 1, 2: 4})
    assert found.readable.read_bytes() == b'{"a":1}\n{"a":2}\n{"half\n'


def test_json_lines_that_cannot_be_text_are_set_aside(count):
    found = count(b'{"a":1}\n{"a":"\xff"}\n{"a":"\x00"}\n{"a":\r1}\n{"a":"\xf4\x8f\xbf\xbf"}\n', count_json_lines)
    odd = "holds a character that JSON text cannot"
    assert (found.records, set_aside(found)) == (1, [(2, "not valid UTF-8"), (3, odd), (4, odd), (5, odd)])


def test_a_file_of_broken_lines_is_refused_before_it_fills_the_memory(count, monkeypatch):
    monkeypatch.setattr(counting, "MAX_SET_ASIDE", 3)
    with pytest.raises(FileRefused, match="more than 3 records cannot be read, the first on line 2: wrong number of fields"):
        thorough(count, b"a,b\n" + b"1\n" * 4)


def test_a_file_that_is_one_endless_line_is_refused(count, monkeypatch):
    monkeypatch.setattr(counting, "MAX_LINE_BYTES", 1000)
    with pytest.raises(FileRefused, match="a line of more than 1000 bytes"):
        count(b"x" * 600_000, count_json_lines)


def test_parquet_is_counted_by_its_footer(tmp_path):
    write_parquet(tmp_path / "a.parquet", "select range as n, {'x': 1} as s from range(7)")
    found = count_parquet(tmp_path / "a.parquet")
    assert (found.records, found.columns) == (7, ("n", "s"))


@pytest.mark.parametrize("kept", [0, 3, 100])
def test_truncated_parquet_is_refused(tmp_path, kept):
    write_parquet(tmp_path / "a.parquet", "select range as n from range(7)")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:kept])
    with pytest.raises(FileRefused, match="no whole Parquet file"):
        count_parquet(tmp_path / "a.parquet")


@pytest.mark.parametrize("record", [b"1,2,", b"x, y,z,", b'"1" ,2', b'1,"2" ', b'  "x,y"', b'1,  "2"'])
def test_a_record_that_duckdb_would_read_in_its_own_way_is_set_aside_on_both_ways(count, record):
    for found in (count(b'a,b\n"4",5\n' + record + b"\n6,7\n"), thorough(count, b'a,b\n"4",5\n' + record + b"\n6,7\n")):
        assert (found.records, [line for line, _ in set_aside(found)]) == (2, [3])


def test_empty_last_fields_are_nothing_odd(count):
    assert count(b"a,b\n1,\n,\n").is_surveyed


def test_a_blank_line_between_two_blocks_is_no_record(count, monkeypatch):
    monkeypatch.setattr(counting, "_BLOCK_BYTES", 4)
    assert count(b'{"a":1}\n\n{"a":2}\n', count_json_lines).records == 2
