"""The calculator page is the library: its kernel, what it knows, and that it is one safe file."""

import base64
import hashlib
import json
import re
import shlex

import mpmath
import pytest
from calculator import Engine, golden, golden_laws, relative_error

import lifetimescale as lts
from lifetimescale import units
from lifetimescale.cli import costs as cli_costs
from lifetimescale.page import calculator
from lifetimescale.page.assembling import SCRIPTS, part
from lifetimescale.page.facts import DEFAULTS, facts

FACTS = facts()


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.mark.parametrize(("least", "most"), [(1.0, 1e18), (1e18, 1e100)])
def test_the_kernel_is_the_library_on_hundreds_of_scenarios(engine, least, most):
    scenarios, expected = golden(least, most)
    plans = engine(
        """(scenarios) => scenarios.map(({ law, rates, loss }) => {
            const plan = Kernel.plan(law, rates, loss);
            return { ...plan, near: Kernel.near(law, rates, plan, 0.01) }; })""",
        scenarios,
    )
    assert len(plans) > 1000
    assert relative_error(plans, expected, most) == {}


@pytest.mark.parametrize("m", [1e-12, 0.99, 1.0, 1.5, 1e12, 1e30, 1e100, 1e200])
def test_savings_have_full_relative_precision_at_any_demand(engine, m):
    alpha, beta = 0.336, 0.283
    phi = engine("Kernel.spendRatio", m, alpha, beta)
    with mpmath.workdps(60):
        a, b, exact = (mpmath.mpf(number) for number in (alpha, beta, phi))
        x0 = b / (a + b)
        spent = exact * (1 + x0 * exact) ** (1 / b)
        ratio = (1 + x0 * exact) ** (1 / a + 1 / b) * (1 + exact) ** (1 - 1 / a) / (1 + spent)
        saving, cost = float(1 - ratio), float(ratio)
    assert engine("Kernel.saving", phi, alpha, beta) == pytest.approx(saving, rel=1e-13)
    assert engine("Kernel.relative", m, alpha, beta)["cost"] == pytest.approx(cost, rel=1e-12)


def test_rates_in_flops_and_dollars_are_those_of_the_costs(engine):
    train = {"peak": 3.12e14, "price": 1.4, "utilization": 0.45}
    serve = {"peak": 6.24e14, "price": 0.6, "prefill": 0.4, "decode": 0.2}
    life = {"requests": 3e9, "prompt": 1000, "output": 250, "train": train, "serve": serve}
    dollars = lts.Training(lts.Chip(1.4, bf16=3.12e14), mfu=0.45) + lts.FixedUtilization(
        lts.Chip(0.6, int8=6.24e14), precision="int8", demand=lts.Demand(3e9, 1000, 250), prefill=0.4, decode=0.2
    )
    for ours, cost in ((engine("Kernel.dollars", life), dollars), (engine("Kernel.flops", 2e12), lts.Flops(2e12))):
        rates = cost.rates()
        assert ours["training"] == pytest.approx(float(rates.training), rel=1e-15)
        assert ours["serving"] == pytest.approx(float(rates.serving), rel=1e-15)


def test_a_loss_like_that_of_a_size_is_the_compute_optimal_models(engine):
    for law in golden_laws():
        coupled = lts.Coupled(**law)
        for params in (1e7, 13e9, 4e14):
            expected = float(lts.compute_optimal(coupled, params=params).loss)
            assert engine("Kernel.lossLike", law, params) == pytest.approx(expected, rel=1e-14)


def test_the_universal_curve_has_known_figures_and_its_limit(engine):
    one, papers, far = (engine("Kernel.relative", m, 0.336, 0.283) for m in (1, 1.15643, 1e60))
    assert one["params"] == pytest.approx(0.557121375, rel=1e-9)
    assert one["tokens"] == pytest.approx(2.041975697, rel=1e-9)
    assert 1 - papers["cost"] == pytest.approx(0.174467234, rel=1e-5)
    assert far["params"] == pytest.approx(0.097359944, rel=1e-8)
    assert engine("Kernel.relative", 0, 0.336, 0.283) == {"params": 1, "tokens": 1, "cost": 1}


EVEN_AT = "(tokens) => Kernel.plan(data.laws.chinchilla, Kernel.flops(tokens), 2).evenAt"


def test_even_demand_is_the_break_even_of_the_library(engine):
    law = lts.law("chinchilla")
    for tokens, digits in (
        (1e9, 1e-8),
        (1e11, 1e-10),
        (2e12, 1e-10),
        (1e16, 1e-10),
        (1e80, 1e-9),
    ):  # theirs cancels at little demand
        best = lts.plan(law, lts.Flops(tokens), loss=2.0)
        expected = float(lts.break_even(best, best.baseline)) / tokens
        assert engine(EVEN_AT, tokens) == pytest.approx(expected, rel=digits)


def test_little_demand_is_even_at_half_of_it(engine):
    for tokens in (0, 1e-300, 1.0, 1e5):
        assert engine(EVEN_AT, tokens) == pytest.approx(0.5, abs=1e-6)


def test_the_page_is_one_file_that_may_fetch_nothing():
    page = calculator()
    assert len(page.encode()) < 100_000
    assert re.search(r"content=\"default-src 'none'; style-src 'sha256-[^']+';\s+script-src 'sha256-[^']+'; img", page)
    addresses = set(re.findall(r"\b(?:\w+:)?//[\w.-]+\.\w+", page))
    assert addresses == {"https://arxiv.org", "http://www.w3.org"}  # a link, and the name of SVG
    assert re.findall(r"<link[^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert not re.search(r"<img|<iframe|@import|url\((?!#)|\bsrc=|\son\w+=|\sstyle=", page)


def test_nothing_is_waited_for_before_the_first_paint():
    page = calculator()
    assert re.findall(r"<(style|link|script|meta http-equiv)\b", page.split("<body>")[0]) == [
        "meta http-equiv",
        "link",
        "style",
    ]
    assert page.count("<style") == 1
    assert re.findall(r"<script[^>]*>", page) == ['<script type="application/json" id="facts">', "<script>"]
    assert page.index("</footer>") < page.index("<script")
    assert not re.search(r"@font-face|@import|<(?:img|video|object|embed|base)\b", page)


def test_the_policy_allows_exactly_the_style_and_the_script():
    page = calculator()
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page


def test_nothing_is_shown_but_as_text():
    source = "".join(part(name) for name in SCRIPTS)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|srcdoc|DOMParser", source)
    assert not re.search(r"\beval\b|Function\(|fetch\(|XMLHttp|WebSocket|sendBeacon|import\(", source)


def test_the_page_knows_every_exact_law_and_every_chip():
    laws = {name for name, preset in lts.law_presets().items() if preset.family in ("Chinchilla", "Coupled")}
    assert FACTS["laws"].keys() == laws
    assert FACTS["chips"].keys() == lts.chip_presets().keys()
    assert all("bf16" in chip["peak"] for chip in FACTS["chips"].values())
    assert json.loads(re.search(r'id="facts">(.*?)</script>', calculator())[1]) == FACTS


def test_the_page_begins_with_the_defaults_of_the_command_line():
    theirs = {
        "prompt": cli_costs.PROMPT, "output": cli_costs.OUTPUT, "train": cli_costs.TRAIN_CHIP,
        "train-mfu": cli_costs.TRAIN_MFU, "serve": cli_costs.SERVE_CHIP, "precision": cli_costs.SERVE_PRECISION,
        "prefill": cli_costs.PREFILL_MFU, "decode": cli_costs.DECODE_MFU,
        "train-price": lts.chip_preset("a100-80gb").price, "serve-price": lts.chip_preset("a100-40gb").price,
        **{name: FACTS["laws"]["chinchilla"][name] for name in ("E", "A", "B", "alpha", "beta", "gamma")},
    }  # fmt: skip
    for name, value in theirs.items():
        assert DEFAULTS[name] == value or units.parse_number(DEFAULTS[name]) == value, name
    assert cli_costs.TRAIN_PRECISION == "bf16"


def test_the_command_writes_the_page(run, tmp_path):
    out = tmp_path / "calculator.html"
    code, printed, err = run(f"page --out {shlex.quote(str(out))}")
    assert (code, err) == (0, "")
    assert "open it in a browser" in " ".join(printed.split())
    assert out.read_text(encoding="utf-8") == calculator()
    assert [path.name for path in tmp_path.iterdir()] == ["calculator.html"]


def test_a_page_that_cannot_be_written_is_refused(refused, tmp_path):
    assert "is a folder" in refused(f"page --out {shlex.quote(str(tmp_path))}")
    assert "cannot be written" in refused(f"page --out {shlex.quote(str(tmp_path / 'no' / 'page.html'))}")
    assert list(tmp_path.iterdir()) == []
