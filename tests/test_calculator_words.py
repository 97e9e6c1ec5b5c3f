"""What the calculator page reads and says: numbers, sentences, commands and addresses, as the command line has them."""

import json
import re
import urllib.parse

import numpy as np
import pytest
from calculator import Engine
from hypothesis import given
from hypothesis import strategies as st

from lifetimescale import units
from lifetimescale.page.facts import DEFAULTS, EXAMPLES

PARSERS = {"count": units.parse_count, "price": units.parse_price, "fraction": units.parse_fraction}


@pytest.fixture(scope="module")
def engine():
    return Engine()


TEXTS = [
    "13B", "13b", "13 B", " 2T ", "1e12", "1.5e3K", "7", ".5M", "5.", "-3", "+4K", "2Q", "1E6", "1e-3", "0", "-0",
    "13X", "B", "", " ", "1,000", "1e", "13BB", "nan", "NaN", "inf", "Infinity", "0x10", "1 2", "$5", "50%", "1e999",
    "1_000", "00012", "\uff11\uff13B", "\u0662T", "1e\u0663", "13\u00a0B", "13\u2003B", "\ufeff13B", "13B\x1c",
    "13\x85", "é", "1.2.3", "--5", "1e5.5", "∞", "1\u017f", "1\u212a", "13\ufb00", "it's", 'a"b',
    "constructor", "1__proto__",
    "1.40", "$1.40", "$1.40/h", "1.40 / hour", "$ 1.4/hr", "1.40 EUR", "1.40/H", "$-2", "-$2", "$1.40/", "$$1",
    "1.40/min", "0.5", "1 %", "1e-2", "half", "%", "5 %%", "100%", "150%", "-5%", "1/2", "<b>1</b>", "4.9e-324",
    "9" * 400, "1" + "0" * 308,
]  # fmt: skip


def read_by_both(engine, name: str, text: str) -> tuple[dict, dict]:
    """What the page and what the command line make of a text: a value, or a sentence that refuses it."""
    ours = engine(f"(text) => attempt(() => Numbers.{name}(text))", text)
    try:
        return ours, {"value": PARSERS[name](text)}
    except ValueError as error:
        return ours, {"refused": str(error)}


@pytest.mark.parametrize("name", PARSERS)
def test_numbers_are_read_and_refused_as_by_the_command_line(engine, name):
    for text in TEXTS:
        ours, theirs = read_by_both(engine, name, text)
        if text.isprintable():
            assert ours == theirs, text
        else:  # Python spells out what cannot be printed
            assert (ours.keys(), ours.get("value")) == (theirs.keys(), theirs.get("value")), text


@given(st.text("0159.eE+-% $/hrTBkmq_,", max_size=9))
def test_any_text_is_read_or_refused_as_by_the_command_line(engine, text):
    for name in PARSERS:
        ours, theirs = read_by_both(engine, name, text)
        assert ours == theirs


def numbers_to_print() -> list[float]:
    rng = np.random.default_rng(5)
    ties = [12.25, 12.35, 0.125, 2.5, 0.5, 1.5, 1225.0, 1235.0, 99.95, 999.5, 9995.0, 100.5, 101.5, 0.005, 1.005, 2.675]
    spread = np.exp(rng.uniform(-60, 90, 400)).tolist() + (10.0 ** np.arange(-30, 40)).tolist()
    return [0.0, *ties, *(tie * 1e9 for tie in ties), *spread, 999.9e9, 1e21, 123456789.5, 5e-324, 1.7e306]


FORMATS = {
    "Numbers.countText(value)": units.format_count,
    "Numbers.percentText(value)": units.format_percent,
    "Numbers.costText(value, 'USD')": lambda value: units.format_cost(value, "USD"),
    "Numbers.costText(value, 'FLOP')": lambda value: units.format_cost(value, "FLOP"),
    **{f"Numbers.general(value, {n})": lambda value, n=n: f"{value:.{n}g}" for n in (3, 4, 5, 6)},
}


@pytest.mark.parametrize("call", FORMATS)
def test_numbers_are_written_as_by_the_command_line(engine, call):
    values = numbers_to_print()
    written = engine(f"(values) => values.map((value) => {call})", values)
    assert written == [FORMATS[call](value) for value in values]


def test_short_numbers_are_read_back_to_the_same(engine):
    for value in (2e12, 1.25e12, 5e11, 13e9, 1e10, 7.0, 0.00123, 1e20, 100.0, 1.5e-7):
        text = engine("Numbers.shortText", value)
        assert units.parse_count(text) == pytest.approx(value, rel=1e-14)
        assert not re.search(r"\.0|\.\D|\.$", text)


CASES = [
    "like=13B&tokens=0&law=chinchilla",
    "loss=2.5&tokens=1e9&law=besiroglu2024",
    "like=70B&tokens=1e18&law=sardana2024_le100",
    "like=13B&tokens=1e80&law=chinchilla",
    "like=2 b&requests=1e9&prompt=100&output=0&law=busbridge2025_supervised",
    "loss=3&tokens=5e10&law=gemstones2025_cooldown",
    "loss=1.947&requests=1e10&prompt=1000&output=250&unit=usd&train=h100&train-price=$2.50/h&train-mfu=0.41"
    "&serve=b200&precision=fp4&serve-price=6.69&prefill=40%25&decode=20%25&law=besiroglu2024",
    "like=13B&tokens=2T&unit=usd&train=h200&train-price=3&serve=tpu-v5e&serve-price=1.2&precision=bf16",
    "like=13B&tokens=3T&law=own&E=-0.5&A=406.4&B=410.7&alpha=0.34&beta=0.28&gamma=1",
    *EXAMPLES.values(),
]


@pytest.mark.parametrize("hash", CASES)
def test_the_command_that_is_shown_gives_the_same_plan_and_says_the_same(hash, engine, answer, run):
    page = engine.answer(hash)
    command = page["command"].removeprefix("lifetimescale ")
    report = answer(command)
    for ours, theirs in ((page["plan"], report), (page["plan"]["twin"], report["baseline"])):
        for number in ("params", "tokens", "loss", "training", "serving", "total"):
            assert ours[number] == pytest.approx(theirs[number], rel=1e-12)
    printed = " ".join(run(command)[1].split())
    assert page["sentence"] in printed
    assert page["lines"][0] in printed
    assert all(f"{name} {plan} {twin}" in printed for name, plan, twin in page["table"])
    if "law=own" not in hash:  # for which the command line keeps the range of the law that it replaces
        assert page["warnings"] == report["warnings"]


def test_the_python_that_is_shown_gives_the_same_plan(engine):
    dollars = "&unit=usd&train-price=1.4&serve-price=0.6&prefill=40%25&decode=20%25"
    for rest in ("", dollars, dollars + "&requests=1e10&prompt=1000&output=250"):
        page = engine.answer(f"loss=2.3&law=own&gamma=0.9{rest}")
        assert page["command"] is None
        names: dict = {}
        exec(page["python"].replace("print(", "best = ("), names)
        assert float(names["best"].total) == pytest.approx(page["plan"]["total"], rel=1e-12)


def test_a_loss_that_is_out_of_reach_is_refused_as_by_the_command_line(engine, refused):
    for law in ("chinchilla", "besiroglu2024", "sardana2024_le100"):
        for loss in ("0.1", "0.153152"):
            said = engine.answer(f"loss={loss}&law={law}")["errors"]["loss"]
            theirs = refused(f"plan --loss {loss} --law {law} --inference-tokens 2T", 3)
            assert said == f"A {theirs.removeprefix('lifetimescale: a ').strip()}."


@pytest.mark.parametrize(
    ("hash", "field", "sentence"),
    [
        ("like=13X", "like", "'13X' ends in an unknown unit 'X': use K, M, B, T or Q (1e3 to 1e15), like 13B."),
        ("like=", "like", "Nothing is written here: give a size, like 13B."),
        ("like=-3", "like", "-3 is out of range: give a number above 0."),
        ("tokens=-1", "tokens", "-1 is out of range: give 0 or a number above 0."),
        ("unit=usd&decode=120%25", "decode", "120% is out of range: give a fraction above 0 and up to 1."),
        ("unit=usd&train=h200", "train-price", "Nothing is written here: give dollars per hour, like 1.40."),
        ("unit=usd&prompt=0&output=0", "output",
         "Prompt and output are both 0: a request has at least one token, so give one of them."),
        ("loss=1e-310&law=own&E=0", "loss",
         "The plan has numbers that are too large or too small to hold: give another loss."),
        ("tokens=1e300", "tokens", "The plan has numbers that are too large to hold: give less demand."),
        ("loss=2.1&requests=1e306", "requests", "The plan has numbers that are too large to hold: give less demand."),
        ("loss=1.5&tokens=1e300", "loss",
         "A loss of 1.5 is out of reach: chinchilla falls to 1.69 at best, so ask for more."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(hash, field, sentence, engine):
    assert engine.answer(hash)["errors"] == {field: sentence}


def test_an_address_restores_every_field(engine):
    for hash in CASES:
        page, again = engine("(hash) => [hash, Model.address(solve(hash).fields)].map(answer)", hash)
        assert page == again


@pytest.mark.parametrize("text", ["x" * 39 + "\U0001f600", "\U0001f600" * 60, "x" * 39 + "\ud83d", "\udc00"])
def test_an_address_never_has_half_a_character(text, engine):
    address = "(text) => Model.address({ ...data.defaults, like: text })"
    again = engine(f"(text) => Model.fromAddress(({address})(text), data)", text)
    assert again["notes"] == []
    assert again["fields"]["like"] == re.sub("[\ud800-\udfff]", "\ufffd", text[:40])


def test_an_address_is_cut_between_characters_too(engine):
    given, shown = "x" * 39 + "\U0001f600\U0001f600", "x" * 39 + "\U0001f600"
    for written in (given, urllib.parse.quote(given)):
        read = engine("(hash) => Model.fromAddress(hash, data)", f"#like={written}&law={written}")
        assert read["fields"]["like"] == shown
        assert read["notes"] == [f"The address says law={shown}, which this page does not know."]


@pytest.mark.parametrize("unit", ["flops", "usd"])
def test_a_demand_of_minus_nothing_is_nothing(unit, engine):
    minus, nothing = (engine.answer(f"tokens={zero}&unit={unit}") for zero in ("-0", "0"))
    assert (minus["sentence"], minus["table"], minus["lines"]) == (
        nothing["sentence"],
        nothing["table"],
        nothing["lines"],
    )
    assert "-0" not in json.dumps(minus["table"])


def test_an_address_says_what_it_does_not_know(engine):
    assert engine("(hash) => Model.fromAddress(hash, data).notes", "#law=nobody&size=3&like=%E0%A4%A") == [
        "A part of the address cannot be read: like=%E0%A4%A.",
        "The address says law=nobody, which this page does not know.",
        "The address says size=3, which this page does not know.",
    ]


@pytest.mark.parametrize(
    ("hash", "field", "value"),
    [
        ("serve-price=3&serve=h100", "serve-price", "3"),
        ("train=h100", "train-price", "2.00"),
        ("serve=b200", "serve-price", ""),
        ("serve=tpu-v4", "precision", "int8"),
        ("serve=tpu-v7x", "precision", "fp8"),
        ("precision=fp4&serve=b200", "precision", "fp4"),
    ],
)
def test_a_chip_in_an_address_has_its_own_price_and_precision_unless_they_are_given(engine, hash, field, value):
    assert engine("(hash) => Model.fromAddress(hash, data).fields", hash)[field] == value


def test_no_address_breaks_the_page_or_makes_it_say_nan(engine):
    rng = np.random.default_rng(7)
    values = ["13B", "0", "-1", "1e308", "1e-308", "5e-324", "1e-5", "%", "%E0%A4%A", "<img src=x>", "NaN", "1e18",
              "50%25", "1", "", "__proto__", "h100", "b200", "besiroglu2024", "own", "usd", "fp4", "&", "=", "1e100",
              "0.3"]  # fmt: skip
    keys = [*DEFAULTS, "__proto__", "constructor", "toString", "x"]
    hashes = [
        "&".join(f"{keys[key]}={rng.choice(values)}" for key in rng.choice(len(keys), rng.integers(1, 12), False))
        for _ in range(3000)
    ]
    said = engine(
        """(hashes) => hashes.map(answer).map((all) => !all.plan ? Object.values(all.errors) :
            [all.sentence, all.table, all.lines, all.warnings, all.command ?? "", all.python])""",
        hashes,
    )
    assert sum(len(one) == 6 and isinstance(one[1], list) for one in said) > 300
    for hash, one in zip(hashes, said, strict=True):
        assert one, hash
        assert not re.search(r"NaN|Infinity|undefined|null", json.dumps(one).replace("'NaN'", "")), hash


def test_demand_at_a_spend_ratio_is_read_back_to_three_digits(engine):
    moved = """(hash, m) => { const { fields, solved } = solve(hash);
        if (!Model.canMove(solved)) return m;
        fields[fields.demand] = Model.demandAt(solved, m);
        return Model.solve(fields, data).plan.m; }"""
    for hash in CASES:
        for m in (1e-3, 0.5, 30.0):
            assert engine(moved, hash, m) == pytest.approx(m, rel=6e-3)


@pytest.mark.parametrize("tokens", ["1", "1.7976931348623157e308"])
def test_a_demand_as_large_as_numbers_go_can_be_said_and_moved(tokens, engine):
    moved = """(hash) => { const { fields, solved } = solve(hash);
        const said = [Numbers.shortText(solved.amount), Model.demandAt(solved, 1e12)];
        fields.tokens = said[1];
        return [...said, Model.solve(fields, data).errors]; }"""
    said = engine(moved, f"tokens={tokens}&unit=usd&serve-price=1e-287")
    assert said == ["1" if tokens == "1" else "1.8e+308", "1e+308", {}]
