"""Runs from files: read as they were written, or refused in one sentence that says where and what to do."""

import contextlib
import csv
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lifetimescale.runs import Runs, check_runs, read_runs
from lifetimescale.runs.read import SECOND_SPELLINGS, SPELLINGS
from lifetimescale.runs.table import as_number

PLAIN = "params,tokens,loss\n1e9,2e10,2.58\n2e9,4e10,2.40\n"
SEEDS = "params,tokens,loss,seed,set,done\n1e9,2e10,3,1,a,True\n1e9,2e10,2,2.0,b,False\n1e9,2e10,x,,a b,\n"


@pytest.fixture
def read(tmp_path):
    """Read runs from the text of a file."""

    def read(text: str | bytes, name: str = "runs.csv", **options) -> Runs:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_runs(path, **options)

    return read


@pytest.fixture
def read_parquet(tmp_path):
    """Read runs from the columns of a Parquet file."""

    def read(columns: dict, **options) -> Runs:
        pq.write_table(pa.table(columns), tmp_path / "runs.parquet")
        return read_runs(tmp_path / "runs.parquet", **options)

    return read


def refusal(read, *args, **options) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the callers look at the message
        read(*args, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def same(runs: Runs, other: Runs) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(runs.columns(), other.columns(), strict=True))


def test_a_plain_file(read):
    runs = read(PLAIN)
    assert same(runs, Runs([1e9, 2e9], [2e10, 4e10], [2.58, 2.40]))
    assert runs.left_out == ()
    assert all(isinstance(column, np.ndarray) and column.dtype == float for column in runs.columns())


ROLES = {"params": "1e9", "tokens": "2e10", "compute": "12e19", "loss": "2.5", "weight": "3"}
ALL_SPELLINGS = [
    (role, name) for table in (SPELLINGS, SECOND_SPELLINGS) for role, names in table.items() for name in names
]


@pytest.mark.parametrize(("role", "spelling"), ALL_SPELLINGS)
@pytest.mark.parametrize("write", [str, str.upper, str.title, lambda name: f" {name.replace('_', ' - ')} "])
def test_common_spellings(read, role, spelling, write):
    roles = {"params", "loss", "compute" if role == "compute" else "tokens", role}
    cells = {write(spelling) if name == role else name: ROLES[name] for name in roles}
    runs = read(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    assert same(runs, Runs([1e9], [2e10], [2.5], [3.0 if role == "weight" else 1.0]))


def test_model_size_is_read_only_where_params_are_absent(read):
    assert read("model size,tokens,loss\n7B,1.4T,2\n").params == 7e9
    assert read("model_size,N,tokens,loss\nsmall,6.9e9,1.4T,2\n").params == 6.9e9


def test_suffixes_and_numbers_as_python_reads_them(read):
    runs = read("params,tokens,loss\n7B,1.4T,2\n 70 m , 2e9 ,+2.5e0\n1_000_000,.5K,3.\n")
    assert same(runs, Runs([7e9, 70e6, 1e6], [1.4e12, 2e9, 500], [2, 2.5, 3]))


def test_compute_in_place_of_tokens(read):
    text = "params,tokens,flops,loss\n1e9,1,12e19,2.5\n"
    assert read(text).tokens == 1
    assert read(text, compute="flops").tokens == 2e10
    assert read("params,flops,loss\n1e9,12e19,2.5\n").tokens == 2e10
    assert read("params,my tokens,flops,loss\n1e9,3,12e19,2.5\n", tokens="my tokens").tokens == 3


def test_columns_can_be_named(read):
    text = "N,big N,D,tok,val_loss,train_loss,w,weight\n1,2,3,4,5,6,7,8\n"
    named = read(text, params="big N", tokens="tok", loss="train_loss", weight="w")
    assert same(named, Runs([2], [4], [6], [7]))
    assert read(text, loss="val_loss", tokens="tok").weight == 8


def test_design_columns_are_read_by_their_names_or_by_others(read):
    text = "params,tokens,loss,sparsity,unique\n1e9,2e10,2.5,0,5B\n2e9,1e12,2.4,0.5,-1\n"
    runs = read(text, design=("sparsity",))
    assert {name: column.tolist() for name, column in runs.design.items()} == {"sparsity": [0, 0.5]}
    assert read(text).design == {}
    assert read(text, design="unique").design["unique"].tolist() == [5e9, -1]
    named = read(text, design={"unique_tokens": "unique", "sparsity": "sparsity"}, max_tokens_per_param=100)
    assert {name: column.tolist() for name, column in named.design.items()} == {"unique_tokens": [5e9], "sparsity": [0]}
    assert "loss 2.5 to 2.5, unique_tokens 5e+09 to 5e+09, sparsity 0 to 0; 1 left out" in str(named)


def test_design_columns_follow_their_runs():
    runs = Runs([1e9, 2e9], [2e10, 4e10], [2.5, 2.4], design={"samples": [1, 64], "bits": 8})
    assert runs.design["bits"].tolist() == [8, 8]
    larger = runs.where(runs.params > 1e9).design
    assert {name: column.tolist() for name, column in larger.items()} == {"samples": [64], "bits": [8]}
    check_runs(Runs([1e9], [2e10], [2.5], design={"sparsity": [0]}))
    with pytest.raises(ValueError, match=r"samples has shape \(3,\) where 2 runs need one number each"):
        Runs([1e9, 2e9], [2e10, 4e10], [2.5, 2.4], design={"samples": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"bits\[1\] is nan: every bits must be finite$"):
        check_runs(Runs([1e9, 2e9], [2e10, 4e10], [2.5, 2.4], design={"bits": [8, np.nan]}))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "row 1 (line 2), column 'bits': the cell is empty: fill it in, or leave such rows out by where='bits!='"),
        ("x", "column 'bits': 'x' is not a number"),
        ("inf", "column 'bits': 'inf' is out of range: every bits must be finite"),
    ],
)
def test_a_cell_of_a_design_column_is_refused_as_others_are(read, cell, said):
    text = f"params,tokens,loss,bits\n1e9,2e10,2.5,{cell}\n"
    assert said in refusal(read, text, design={"weight_bits": "bits"})
    assert len(read(text)) == 1


def test_columns_that_are_not_used_may_be_ambiguous_or_twice(read):
    assert len(read("params,tokens,loss,flops,compute,note,note\n1,2,3,4,5,,\n")) == 1


@pytest.mark.parametrize(
    "text",
    ["\ufeff" + PLAIN, PLAIN.replace("\n", "\r\n"), PLAIN.replace("\n", "\r"), PLAIN.rstrip(),
     PLAIN.replace("\n", "\n\n"), PLAIN.replace(",", ", "), PLAIN.replace("loss", '"loss"'),
     PLAIN.replace("1e9", '"1e9"')],
)  # fmt: skip
def test_how_the_text_is_laid_out_does_not_matter(read, text):
    assert same(read(text), read(PLAIN))
    assert same(read(text.replace(",", "\t"), "RUNS.TSV"), read(PLAIN))


def test_rows_keep_their_order_and_their_doubles(read):
    assert read("params,tokens,loss\n3,1,1\n1,1,1\n3,1,1\n").params.tolist() == [3, 1, 3]


def test_parquet_and_csv_give_the_same_runs(read, read_parquet):
    columns = {
        "params": pa.array([1_000_000_000, 7, 2**53], pa.int64()),
        "tokens": ["1.4T", "2e10", "3"],
        "loss": pa.array([2.5, 1 / 3, 0.1], pa.float64()),
        "weight": pa.array([0.5, 2, 0], pa.float32()),
        "done": [True, True, False],
        "set": pa.array(["a", "b", "a"]).dictionary_encode(),
    }
    rows = zip(*(pa.array(cells).to_pylist() for cells in columns.values()), strict=True)
    text = "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)])
    assert same(read(text), read_parquet(columns))
    for where in ("done=True", "done != False", "set=a", "weight<1", "params>=1B", ["set=a", "done=False"]):
        assert same(read(text, where=where), read_parquet(columns, where=where))
        assert read(text, where=where).left_out == read_parquet(columns, where=where).left_out != ()


def lines(*rows: str) -> str:
    return "\n".join(["params,tokens,loss,weight", *rows])


REFUSED = [
    (lines("1,2,3,1", "1,2,,1"), ["row 2 (line 3), column 'loss': the cell is empty", "where='loss!='"]),
    (lines("1,2,3,1", "", "1,  ,3,1", "1,,3,1"), ["row 2 (line 4), column 'tokens': the cell is", "1 more row is"]),
    (lines("1,2,3,1", "1,2,x,1", "1,2,,1", "1,2,0,1"), ["row 2 (line 3)", "'x' is not a number", "; 2 more rows are"]),
    (lines("7X,2,3,1"), ["row 1 (line 2), column 'params': '7X' ends in an unknown unit 'X': use K, M, B"]),
    (lines('"1,000",2,3,1'), ["'1,000' is not a number: write it like 13B"]),
    (lines('"\n1",2,3,1', "1,2,3 nats,1"), ["row 2 (line 4), column 'loss': '3 nats' ends in"]),
    (lines(f"1,2,{'x' * 99},1"), ["'" + "x" * 39 + "…' is not"]),
    (lines("1,2,nan,1"), ["column 'loss': 'nan' is not a number"]),
    (lines("inf,2,3,1"), ["column 'params': 'inf' is out of range: every params must be finite and above 0"]),
    (lines("1,-2,3,1"), ["column 'tokens': '-2' is out of range", "above 0"]),
    (lines("1,2,0,1"), ["column 'loss': '0' is out of range", "above 0"]),
    (lines("1,2,3,-1"), ["column 'weight': '-1' is out of range", "0 or more"]),
    (lines("1,2,3,1", "1,2,3"), ["row 2 (line 3): it has 3 cells, but the header has 4: leave no cell out"]),
    (lines("1,2,3,1,5", "1,2", "1"), ["row 1 (line 2): it has 5 cells", "in quotes; 2 more rows are wrong"]),
    ("params,flops,loss\n1e9,0,3", ["column 'flops': '0' is out of range: every compute"]),
    ("params,flops,loss\n1e-300,1e300,3", ["column 'flops/(6 params)': 'inf' is out of range: every tokens"]),
    ('params,tokens,loss\n1,2,3\n1,2,"3\n1,2,3\n', ["line 3: unexpected end of data: close every quotation mark"]),
    ("", ["is empty: give a line with the names"]),
    ("\n\n", ["is empty"]),
    ("params,tokens,loss\n", ["has a header and no rows: give at least one"]),
    ("1e9,2e10,3\n1e9,2e10,3", ["no column of params", "begin the file with the names"]),
    ("params;tokens;loss\n1;2;3", ["separated by ';'", "commas"]),
    ("params,tokens\n1,2", ["no column of loss (spelt loss, smoothed_loss", "by loss=", "'params', 'tokens'"]),
    ("tokens,loss\n1,2", ["no column of params (spelt n_params", "model size)"]),
    ("params,loss\n1,2", ["tokens (spelt n_tok", "compute (spelt flops", "either would do", "by tokens= or compute="]),
    ("params,tokens,val_loss,train_loss\n1,2,3,3", ["'val_loss' and 'train_loss' could each", "loss='val_loss'"]),
    ("N,n_params,tokens,loss\n1,2,3,3", ["'N' and 'n_params' could each be the params: name one, as params='N'"]),
    ("params,flop,C,loss\n1,2,3,3", ["'flop' and 'C' could each be the compute"]),
    ("params,tokens,loss,loss\n1,2,3,3", ["2 columns called 'loss': rename all but one"]),
    ("params,tokens,loss\n1,2,3\n".encode("utf-16"), ["not text in UTF-8 (line 1): save it as UTF-8"]),
    (PLAIN.encode() + b"\xff", ["not text in UTF-8 (line 4)"]),
]  # fmt: skip
MISUSED = [
    ({"loss": "lss"}, ["no column 'lss': did you mean 'loss'?"]),
    ({"params": "LOSS"}, ["no column 'LOSS': did you mean 'loss'?"]),
    ({"design": ["los"]}, ["no column 'los': did you mean 'loss'?"]),
    ({"weight": "zzz"}, ["no column 'zzz': there are 'params', 'tokens', 'loss'"]),
    ({"tokens": "tokens", "compute": "flops"}, ["name one of them"]),
    ({"max_tokens_per_param": 0}, ["give a number above 0"]),
    ({"max_tokens_per_param": float("nan")}, ["give a number above 0"]),
    ({"max_tokens_per_param": 19.9}, ["max_tokens_per_param=19.9 leaves none of the 2 rows: the least ratio is 20"]),
    ({"where": "loss"}, ["'loss' is no filter: write a column, one of = == != < <= > >= and a value"]),
    ({"where": ""}, ["'' is no filter"]),
    ({"where": "los<3"}, ["no column 'los': did you mean 'loss'?"]),
    ({"where": "loss=<3"}, ["unknown operator =<: use one of"]),
    ({"where": "loss===3"}, ["unknown operator ===: use one of"]),
    ({"where": "loss<big"}, ["< cannot compare 'loss' with 'big': give a number"]),
    ({"where": "loss<"}, ["< cannot compare 'loss' with '': give a number"]),
    ({"where": ["loss<2.5", "loss>2.5"]}, ["'loss>2.5' leaves none of 1 rows: 'loss' has '2.40'"]),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_wrong_in_a_file_is_said_with_its_place_and_what_to_do(read, text, said):
    message = refusal(read, text)
    assert "runs.csv" in message
    for part in said:
        assert part in message


@pytest.mark.parametrize(("options", "said"), MISUSED)
def test_what_is_wrong_in_the_call_is_said(read, options, said):
    message = refusal(read, PLAIN, **options)
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"loss": [1.0, None]}, "row 2, column 'loss': the cell is empty"),
        ({"loss": [1.0, float("nan")]}, "row 2, column 'loss': 'nan' is not a number"),
        ({"loss": [True, True]}, "row 1, column 'loss': 'True' is not a number"),
        ({"loss": pa.array([None, None], pa.null())}, "row 1, column 'loss': the cell is empty"),
        ({"loss": [[1.0], [2.0]]}, "'[1.0]' is not a number"),
        ({"loss": pa.array([], pa.float64()), "params": [], "tokens": []}, "has a header and no rows"),
    ],
)
def test_parquet_is_checked_as_text_is(read_parquet, columns, said):
    assert said in refusal(read_parquet, {"params": [1, 2], "tokens": [3, 4]} | columns)


@pytest.mark.parametrize("data", [b"", b"params,tokens,loss\n1,2,3\n", b"PAR1" * 5])
def test_what_is_no_parquet_is_said_to_be_none(read, data):
    assert "runs.parquet cannot be read as Parquet" in refusal(read, data, "runs.parquet")


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "none.csv does not exist: give the path of" in refusal(read_runs, tmp_path / "none.csv")
    assert "is a folder: give the path of" in refusal(read_runs, str(tmp_path))
    assert "cannot be read (Not a directory)" in refusal(read_runs, tmp_path / "file" / "runs.csv")


@pytest.mark.parametrize(
    ("where", "left"),
    [("seed=1", [3]), ("seed == 2", [2]), ("set=a", [3]), ("set!=a b", [3, 2]), (" done = True ", [3]),
     ("done=False", [2]), ("seed!=", [3, 2]), (["seed!=", "seed!=2"], [3]), (["seed!=", "seed<=1.0"], [3]),
     (["seed!=", "seed<2"], [3]), (["seed!=", "seed>=2"], [2]), (["seed!=", "seed>1"], [2]),
     (["set!=a b", "params>=1B"], [3, 2])],
)  # fmt: skip
def test_filters(read, where, left):
    assert read(SEEDS, where=where).loss.tolist() == left


def test_rows_that_a_filter_leaves_out_are_not_checked(read):
    assert "row 3 (line 4), column 'loss'" in refusal(read, SEEDS)
    assert "row 3 (line 4), column 'loss'" in refusal(read, SEEDS, where="seed!=1")
    assert len(read(SEEDS, where="set!=a b")) == 2


def test_a_filter_says_which_cell_it_cannot_compare(read):
    message = refusal(read, SEEDS, where="seed<=1")
    assert "row 3 (line 4), column 'seed': '' is not a number, which <= needs" in message
    assert "like 'seed!='" in message


def test_names_and_values_of_filters_may_hold_operators(read):
    text = "params,tokens,loss,config,acc>0.5\n1,2,3,d=96_l=8,yes\n1,2,4,d=96,no\n"
    assert read(text, where="config=d=96_l=8").loss == 3
    assert read(text, where="acc>0.5 = no").loss == 4


def test_what_is_left_out_is_counted_in_turn(read):
    text = "params,tokens,loss,set\n1,100,3,a\n1,100.00000001,3,a\n1,101,3,a\n1,5,3,b\n1,5,3,c\n"
    runs = read(text, where=[" set != c", "set!=z", "set=a"], max_tokens_per_param=100)
    assert len(runs) == 2
    assert runs.left_out == (("set != c", 1), ("set=a", 1), ("tokens per param <= 100", 1))
    assert str(runs).endswith("; 1 left out (set != c); 1 left out (set=a); 1 left out (tokens per param <= 100)")


CELLS = st.one_of(st.sampled_from(["1", "7B", "2.5", "", "nan", "-1", "1e999", '"', "0", "x"]), st.text(max_size=5))
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4).map(",".join), max_size=4).map("\n".join)
HEADERS = st.sampled_from(
    ["", "params,tokens,loss\n", "N,flops,loss\n", "N,D,L,weight\n", "\ufeffN;D\n", 'N,D,"L\n"\n']
)
FILTERS = st.one_of(st.text(max_size=8), st.sampled_from(["loss<3", "loss!=", "N=1", "L>=1e999", "loss<=nan"]))


@given(st.builds(str.__add__, HEADERS, ROWS), st.lists(FILTERS, max_size=1), st.sampled_from([".csv", ".tsv"]))
@example("N,flops,loss\n1e-300,1e300,1", [], ".csv")
@example("N,D,loss\n1e-300,1e300,1", [], ".csv")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_runs_or_one_sentence(tmp_path, text, where, suffix):
    path = tmp_path / f"runs{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome = runs_or_message(path, where)
    if isinstance(outcome, str):
        assert len(outcome.splitlines()) == 1
    else:
        check_runs(outcome)


def runs_or_message(path: pathlib.Path, where: list[str]) -> Runs | str:
    try:
        return read_runs(path, where=where, max_tokens_per_param=1e3)
    except ValueError as error:  # any other exception fails the test
        return str(error)


@given(st.binary(max_size=64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_bytes_make_a_traceback(tmp_path, data):
    for suffix in (".csv", ".parquet"):
        (path := tmp_path / f"runs{suffix}").write_bytes(data)
        with contextlib.suppress(ValueError):  # any other exception fails the test
            read_runs(path)


@given(st.lists(st.tuples(*[st.floats(1e-100, 1e100)] * 4), min_size=1, max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_was_written_is_read_to_the_last_digit(tmp_path, rows):
    path = tmp_path / "runs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("params", "tokens", "loss", "weight"), *rows])
    assert list(zip(*(column.tolist() for column in read_runs(path).columns()), strict=True)) == rows


def test_numbers_of_cells():
    assert as_number("1.4T") == 1.4e12
    assert np.isnan([as_number("x"), as_number(""), as_number("nan")]).all()


REAL = [
    ("besiroglu2024_chinchilla", {"where": "outlier_dropped=False"}, 240, (("outlier_dropped=False", 5),)),
    ("besiroglu2024_chinchilla", {}, 245, ()),
    ("sardana2024", {"max_tokens_per_param": 100}, 34, (("tokens per param <= 100", 13),)),
    ("sardana2024", {"max_tokens_per_param": 250}, 39, (("tokens per param <= 250", 8),)),
    ("sardana2024", {"max_tokens_per_param": 500}, 43, (("tokens per param <= 500", 4),)),
    ("gadre2024_overtraining", {"where": "train_dataset=rpj"}, 35, (("train_dataset=rpj", 69),)),
    ("gadre2024_overtraining", {"where": "train_dataset=c4_original"}, 34, (("train_dataset=c4_original", 70),)),
    ("muennighoff2023_data_constrained", {"where": "epochs<=1"}, 41, (("epochs<=1", 267),)),
    ("bhagia2024_olmo_ladder", {"where": "role=train"}, 16, (("role=train", 16),)),
    ("porian2024_isoflop", {}, 1745, ()),
]


@pytest.mark.needs_data
@pytest.mark.parametrize(("name", "options", "count", "left_out"), REAL)
def test_real_observations(shared, name, options, count, left_out):
    runs = read_runs(shared / "data" / f"{name}.csv", **options)
    assert len(runs) == count
    assert runs.left_out == left_out


@pytest.mark.needs_data
def test_the_single_epoch_runs_are_those_whose_tokens_are_unique(shared):
    path = shared / "data" / "muennighoff2023_data_constrained.csv"
    with path.open() as file:
        unique = [row for row in csv.DictReader(file) if float(row["n_tokens"]) == float(row["n_tokens_unique"])]
    assert read_runs(path, where="epochs<=1").loss.tolist() == [float(row["loss"]) for row in unique]
