"""`lifetimescale plan` under uncertainty: the library's own numbers, every flag, and what is said of wrong input."""

import math
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import lifetimescale as lts

# Most of the time is compilation, so tests share one number of draws; by too few it is not asked what to know is worth.
DRAWS, FEWEST = 200, 15
PLAN = f"plan --like 13B --draws {DRAWS}"
UNCERTAIN = "--uncertain-law besiroglu2024 --demand-lognormal 2T:3x"
BOTH = f"{PLAN} {UNCERTAIN}"
KNOWN = f"{PLAN} --law besiroglu2024 --demand-lognormal 2T:3x"
FEW = f"plan --like 13B --draws {FEWEST}"
LAW = lts.law("besiroglu2024")
LOSS = float(lts.compute_optimal(LAW, params=13e9).loss)
KEYS = [
    *("params", "tokens", "tokens_per_param", "unit", "law", "risk", "quality", "draws", "seed", "status"),
    *("expected_cost", "expected_regret", "expected_overpay", "worst_regret", "reached", "expected_miss", "cvar"),
    *("cost_quantiles", "plan_quantiles", "shortfall", "ignoring", "ignoring_costs", "knowing_demand", "warnings"),
]


def demand(seed: int = 0, draws: int = DRAWS) -> jax.Array:
    return lts.draws({"tokens": "lognormal:2T:3x"}, draws, seed=seed).columns()["tokens"]


def laws(seed: int = 0, draws: int = DRAWS) -> lts.AbstractLaw:
    return lts.law_draws("besiroglu2024", draws, key=jax.random.key(seed))


def nat_price() -> float:
    return -float(jax.grad(lambda loss: lts.plan(LAW, lts.Flops(2e12), loss=loss).total)(jnp.asarray(LOSS)))


def futures(shortfall: lts.Shortfall | None = None, seed: int = 0, draws: int = DRAWS) -> lts.Futures:
    """As --uncertain-law and --demand-lognormal make them."""
    shortfall = lts.Shortfall(10 * nat_price(), overhead=0.2) if shortfall is None else shortfall
    drawn = laws(seed, draws)
    losses = lts.compute_optimal(drawn, params=13e9).loss
    return lts.Futures(drawn, lts.Flops(demand(seed, draws)), losses, shortfall=shortfall)


def known(draws: int = DRAWS) -> lts.Futures:
    """As --demand-lognormal alone makes them."""
    return lts.Futures(LAW, lts.Flops(demand(draws=draws)), LOSS)


def check(report: dict, choice: lts.Decision, rel: float = 1e-6) -> None:
    """A report has the numbers of a decision of the library."""
    for name in ("params", "tokens", "expected_cost", "expected_overpay", "worst_regret", "reached"):
        assert report[name] == pytest.approx(float(getattr(choice, name)), rel=rel, abs=1e-7), name
    assert report["cvar"] == pytest.approx(float(choice.risk("cvar:0.9")), rel=rel)
    assert report["unit"] == choice.unit


@pytest.fixture(scope="module")
def forecasts(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("forecasts") / "forecasts.csv"
    path.write_text("inference_tokens,weight\n500B,1\n2T,2\n8T,1\n")
    return str(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    planted = lts.planted_runs(LAW, 60, key=jax.random.key(0))
    columns = zip(planted.params.tolist(), planted.tokens.tolist(), planted.loss.tolist(), strict=True)
    path.write_text("\n".join(["params,tokens,loss", *(",".join(map(repr, row)) for row in columns)]))
    return str(path)


class TestLawAndDemand:
    def test_the_numbers_of_the_library(self, answer):
        report = answer(BOTH)
        choice = lts.decide(futures())
        assert [*report] == KEYS
        check(report, choice)
        assert report["expected_regret"] == pytest.approx(float(choice.expected_regret), rel=1e-6)
        assert report["expected_miss"] == pytest.approx(float(choice.expected_miss), rel=1e-6)
        assert report["tokens_per_param"] == pytest.approx(report["tokens"] / report["params"])
        assert list(report["cost_quantiles"].values()) == pytest.approx(
            choice.quantiles(jnp.array([0.1, 0.5, 0.9])).tolist()
        )
        plans = lts.plan(choice.futures.law, choice.futures.cost, loss=choice.futures.loss)
        for name, values in (("params", plans.params), ("tokens", plans.tokens)):
            expected = jnp.quantile(values, jnp.array([0.1, 0.5, 0.9])).tolist()
            assert list(report["plan_quantiles"][name].values()) == pytest.approx(expected)
        assert [*report["plan_quantiles"]["params"]] == [*report["cost_quantiles"]] == ["10%", "50%", "90%"]
        given = ("status", "law", "risk", "quality", "draws", "seed")
        assert [report[name] for name in given] == ["ok", "besiroglu2024", "mean", None, DRAWS, 0]
        assert report["shortfall"] == {"price": pytest.approx(10 * nat_price()), "overhead": 0.2}
        knowing = lts.value_of_knowing(choice.futures, demand(), groups=8).value
        assert report["knowing_demand"] == pytest.approx(float(knowing), rel=1e-4)
        assert any("that the law was fitted on" in sentence for sentence in report["warnings"])

    def test_the_plan_that_ignores_it(self, answer):
        report = answer(BOTH)
        mean = lts.plan(LAW, lts.Flops(demand().mean()), loss=LOSS)
        check(report["ignoring"] | {"unit": "FLOP"}, lts.judge(futures(), params=mean.params, tokens=mean.tokens))
        assert report["ignoring_costs"] == report["ignoring"]["expected_cost"] - report["expected_cost"]
        assert report["ignoring_costs"] > 0

    def test_the_seed_decides_alone(self, answer):
        assert answer(BOTH) == answer(f"{BOTH} --seed 0")
        again = answer(f"{BOTH} --seed 3")
        check(again, lts.decide(futures(seed=3)))
        assert again["seed"] == 3
        assert again["params"] != answer(BOTH)["params"]

    def test_risk_quality_and_miss(self, answer):
        report = answer(f"{FEW} {UNCERTAIN} --no-longer --miss-price 1e25 --quality 80% --risk cvar:0.5")
        choice = lts.decide(futures(lts.Shortfall(1e25), draws=FEWEST), risk="cvar:0.5", quality=0.8)
        check(report, choice)
        assert report["shortfall"] == {"price": 1e25, "overhead": None}
        assert (report["risk"], report["quality"]) == ("cvar:0.5", 0.8)
        assert report["reached"] >= 0.8 - 1e-9

    def test_multiples_and_overhead(self, answer):
        report = answer(f"{BOTH} --miss-price 20x --overhead 50%")
        assert report["shortfall"]["overhead"] == 0.5
        assert report["shortfall"]["price"] == pytest.approx(20 * nat_price())
        assert report["reached"] == pytest.approx(1 / 3, abs=0.02)

    def test_the_law_may_be_named_twice(self, answer):
        assert answer(f"{BOTH} --law besiroglu2024") == answer(BOTH)

    def test_a_table_for_people(self, run):
        code, out, err = run(BOTH)
        assert (code, err) == (0, "")
        text = " ".join(out.split())
        choice = lts.decide(futures())
        assert text.startswith("Train 5.")
        assert "tokens, and longer if the loss is not reached then: " in text
        assert " FLOP of it regret. " in text
        assert "law: besiroglu2024; 200 draws" in text
        assert "decision plan that ignores it params 5." in text
        for row in ("training tokens", "expected cost", "worst tenth (cvar 0.9)", "expected regret", "worst regret"):
            assert row in text
        assert f"reached {100 * float(choice.reached):.1f} %" in text
        assert "The plan of the law itself and the mean of all else costs" in text
        assert "more on average. To know in which eighth of its draws the demand will lie would be worth" in text
        assert "If all were known, 80 % of the plans would have" in text
        assert "is taken to cost" in text
        assert "and training longer than planned costs 20.0 % more." in text


class TestDemandAlone:
    """The law is known, so the loss is reached and no miss has a price."""

    def test_is_the_plan_of_the_mean(self, run, answer):
        report = answer(KNOWN)
        check(report, lts.decide(known()))
        plan = lts.plan(LAW, lts.Flops(demand().mean()), loss=LOSS)
        assert report["params"] == pytest.approx(float(plan.params), rel=1e-9)
        assert report["shortfall"] is None
        assert report["reached"] == report["ignoring"]["reached"] == 1
        assert report["ignoring_costs"] == pytest.approx(0, abs=1e-9 * report["expected_cost"])
        out = " ".join(run(KNOWN)[1].split())
        assert "and longer" not in out
        assert "costs the same on average" in out

    def test_by_the_papers_law_unless_another_is_named(self, answer):
        assert answer(f"{PLAN} --demand-lognormal 2T:3x")["law"] == "chinchilla"
        assert answer(f"{PLAN} --demand-lognormal 2T:3x --alpha 0.34")["law"] == "chinchilla, alpha=0.34"

    @pytest.mark.parametrize("risk", ["cvar:90%", "regret"])
    def test_other_risks(self, answer, risk):
        report = answer(f"{KNOWN} --risk {risk}")
        check(report, lts.decide(known(), risk=risk), rel=1e-5)
        assert report["risk"] == risk

    def test_draws_that_do_not_divide(self, answer):
        """The demand is known among as many draws as do."""
        report = answer(KNOWN.replace(f"--draws {DRAWS}", f"--draws {DRAWS + 3}"))
        assert report["draws"] == DRAWS + 3
        knowing = lts.value_of_knowing(known(), demand(), groups=8).value
        assert report["knowing_demand"] == pytest.approx(float(knowing), rel=1e-6)

    def test_of_a_roofline(self, answer):
        flags = "--cost roofline --serve-chip h100 --serve-price 2.5 --chips 8 --batch 64 --lifetime 24mo --busy 50%"
        report = answer(f"{FEW} --demand-lognormal 2T:3x {flags}")
        assert report["unit"] == "USD"
        assert report["params"] == pytest.approx(report["ignoring"]["params"], rel=1e-7)
        assert report["expected_cost"] == pytest.approx(report["ignoring"]["expected_cost"], rel=1e-9)
        assert report["knowing_demand"] is None


class TestForecasts:
    def test_of_demand(self, answer, forecasts):
        report = answer(f"{PLAN} --law besiroglu2024 --forecasts {forecasts}")
        sampled = lts.read_forecasts(forecasts).sample(DRAWS, key=jax.random.key(0))["inference_tokens"]
        check(report, lts.decide(lts.Futures(LAW, lts.Flops(sampled), LOSS)))
        assert report["knowing_demand"] > 0

    def test_of_prices_and_prompts_beside_a_demand(self, answer, tmp_path):
        """So many tokens are fewer requests where the prompts are long."""
        path = tmp_path / "forecasts.csv"
        path.write_text("Training.price,prompt\n1,100\n2,300\n")
        report = answer(f"{FEW} --forecasts {path} --demand-lognormal 2T:3x --cost fixed --output 200")
        sampled = lts.read_forecasts(path).sample(FEWEST, key=jax.random.key(0))
        served = lts.FixedUtilization(lts.chip("a100-40gb"), demand=lts.Demand(1.0, 70.0, 200.0), precision="int8")
        planner = lts.Planner(lts.law("chinchilla"), lts.Training(lts.chip("a100-80gb")) + served, like=13e9)
        numbers = sampled | {"requests": demand(draws=FEWEST) / (sampled["prompt"] + 200)}
        check(report, lts.decide(lts.Futures.of(planner, numbers)))
        means = {name: column.mean() for name, column in numbers.items()}
        assert report["ignoring"]["params"] == pytest.approx(float(planner(**means).params))

    def test_of_a_coefficient(self, answer, tmp_path):
        path = tmp_path / "forecasts.csv"
        path.write_text("E,weight\n1.8,1\n1.83,3\n")
        report = answer(f"{BOTH} --forecasts {path}")
        sampled = lts.read_forecasts(path).sample(DRAWS, key=jax.random.key(0))
        law = eqx.tree_at(lambda law: law.E, laws(), sampled["E"])
        losses = lts.compute_optimal(law, params=13e9).loss
        shortfall = lts.Shortfall(report["shortfall"]["price"], overhead=0.2)
        check(report, lts.decide(lts.Futures(law, lts.Flops(demand()), losses, shortfall=shortfall)))


class TestRuns:
    def test_laws_fitted_again_and_again(self, answer, runs, monkeypatch):
        """Refits without an optimum are left out, and as many of the draws of all else."""
        bootstrap = lts.bootstrap

        def holed(fitted, *, draws, key, progress):
            drawn = bootstrap(fitted, draws=draws, key=key)
            assert bool(jnp.all(jnp.isfinite(drawn.E)))
            return jax.tree.map(lambda leaf: leaf.at[:3].set(jnp.nan) if leaf.ndim else leaf, drawn)

        monkeypatch.setattr(lts, "bootstrap", holed)
        report = answer(f"plan --like 13B --draws {FEWEST + 3} --uncertain-law {runs} --demand-lognormal 2T:3x")
        assert report["draws"] == FEWEST
        assert report["law"] == f"chinchilla fitted to {runs}"
        left_out = f"3 of {FEWEST + 3} laws refitted to resampled runs have no optimum and are left out."
        assert left_out in report["warnings"]
        fitted = lts.fit(lts.Chinchilla, lts.read_runs(runs))
        drawn = bootstrap(fitted, draws=FEWEST + 3, key=jax.random.key(0))
        drawn = jax.tree.map(lambda leaf: leaf[3:] if leaf.ndim else leaf, drawn)
        losses = lts.compute_optimal(drawn, params=13e9).loss
        shortfall = lts.Shortfall(report["shortfall"]["price"], overhead=0.2)
        check(report, lts.decide(lts.Futures(drawn, lts.Flops(demand(draws=FEWEST)), losses, shortfall=shortfall)))


WRONG = [
    ("plan --like 13B --risk mean", "--risk has nothing to say where all is known: give --uncertain-law besiroglu2024"),
    ("plan --like 13B --no-longer", "--no-longer has nothing to say where all is known"),
    ("plan --uncertain-law besiroglu2024", "exactly one target of a decision under uncertainty: --like 13B or --loss"),
    (f"{BOTH} --loss 2", "give exactly one target of a decision"),
    (f"{BOTH} --budget 1e23", "a decision under uncertainty is for a quality, not for --budget: give --like 13B or"),
    (f"{BOTH} --score 0.3 --score-map map.json", "is for a quality, not for --score"),
    (f"{BOTH} --params 7B", "a decision under uncertainty has no use for --params: leave it out, or --uncertain-law"),
    (f"{BOTH} --max-tokens 1T", "has no use for --max-tokens"),
    (f"{BOTH} --compare h100:2", "has no use for --compare"),
    (f"{BOTH} --train-chips 512 --train-time 60d", "has no use for --train-chips"),
    (f"{BOTH} --law chinchilla", "--uncertain-law besiroglu2024 is the law too, not --law chinchilla: drop one"),
    (f"{BOTH} --alpha 0.34", "--uncertain-law draws all coefficients together, so --alpha cannot be given: drop one"),
    (f"{BOTH} --inference-tokens 2T", "--demand-lognormal and --inference-tokens both say how much is served"),
    (f"{BOTH} --requests 1e9", "--demand-lognormal and --requests both say how much is served: give one of them"),
    (f"{BOTH} --overhead 10% --no-longer", "--overhead is of training longer, and --no-longer says that it cannot be"),
    (f"{BOTH} --overhead=-10%", "-10% is out of range, give 0 or a fraction above 0, like 20%"),
    (f"{BOTH} --miss-price 0x", "--miss-price: 0x is out of range, give a number above 0, like 10x"),
    (f"{BOTH} --miss-price much", "--miss-price: 'much' is not a number"),
    (f"{BOTH} --quality 110%", "--quality: 110% is out of range, give mean, or a fraction above 0 and up to 1"),
    (f"plan --like 13B {UNCERTAIN} --draws 1", "1 is out of range, give a whole number from 2 to 1000000"),
    (f"{BOTH} --seed 1.5", "1.5 is out of range, give a whole number"),
    (f"{BOTH} --risk median", "--risk: no risk 'median': write mean, cvar:0.9 or regret"),
    (f"{BOTH} --risk cvar:2", "--risk: a level of 2 is out of range"),
    (f"{PLAN} --uncertain-law chinchilla", "--uncertain-law: the covariance of chinchilla is not known: take besiro"),
    (f"{PLAN} --uncertain-law besiroglu", "--uncertain-law: no law named 'besiroglu'"),
    (f"{PLAN} --uncertain-law no.csv", "--uncertain-law: no.csv does not exist"),
    (f"{PLAN} --demand-lognormal 2T", "--demand-lognormal: '2T' is no median and factor: write it like 2T:3x"),
    (f"{PLAN} --demand-lognormal 2X:3x", "--demand-lognormal: '2X' ends in an unknown unit"),
    (f"{PLAN} --demand-lognormal 2T:0.5x", "has a spread below 1: it is a factor, 3 for within a factor of 3"),
    (f"{PLAN} --forecasts no.csv", "--forecasts: no.csv does not exist"),
    (f"{KNOWN} --miss-price 5x", "--miss-price has nothing to say of a law that is known: give --uncertain-law"),
    (f"{KNOWN} --quality 90%", "--quality has nothing to say of a law that is known"),
]


@pytest.mark.parametrize(("command", "sentence"), WRONG)
def test_wrong_input_is_one_sentence(refused, command, sentence):
    assert sentence in " ".join(refused(command).split())


@pytest.mark.parametrize(
    ("text", "flags", "sentence"),
    [
        (
            "inference_tokens\n2T\n",
            "--inference-tokens 2T",
            "has the column inference_tokens, and --inference-tokens says",
        ),
        ("Flops.inference_tokens\n2T\n", "--demand-lognormal 2T:3x", "and --demand-lognormal says how much is served"),
        ("demand\n2T\n", "", "--forecasts: no number of the law or the cost is named 'demand': there are E, A, B"),
        ("loss\n2\n", "", "--forecasts: give exactly one target, loss, budget or like; loss and like is given"),
        ("inference_tokens\nmany\n", "", "'many' is no number of 0 or more"),
    ],
)
def test_wrong_forecasts_are_one_sentence(run, tmp_path, text, flags, sentence):
    path = tmp_path / "forecasts.csv"
    path.write_text(text)
    code, out, err = run(f"{PLAN} --forecasts {path} {flags}")
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("plan --loss 1.5 --demand-lognormal 2T:3x", "a loss of 1.5 is out of reach: chinchilla falls to 1.69"),
        ("plan --loss 1.5 --uncertain-law besiroglu2024", "besiroglu2024 falls to 1.81"),
    ],
)
def test_no_decision_is_exit_code_3(refused, command, sentence):
    assert sentence in " ".join(refused(command, 3).split())


@pytest.fixture
def ambitious(tmp_path) -> str:
    """A loss below the floor of some draws of the law."""
    path = tmp_path / "loss.csv"
    path.write_text("loss\n1.83\n")
    return f"--loss 1.83 --forecasts {path}"


def test_a_loss_that_some_draws_cannot_reach(answer, ambitious):
    report = answer(f"plan {ambitious} {UNCERTAIN} --draws {DRAWS}")
    floors = int((laws().E >= 1.83).sum())
    assert 0 < floors < DRAWS
    assert f"In {floors} of {DRAWS} draws no model reaches the loss." in report["warnings"]
    assert math.isfinite(report["expected_cost"])


def test_a_quality_that_the_draws_do_not_have(run, ambitious):
    flags = "--quality 99% --no-longer --risk cvar:0.5"
    code, out, err = run(f"plan {ambitious} {UNCERTAIN} --draws {FEWEST} {flags}")
    assert (code, out) == (3, "")
    assert "no model reaches the loss in 99.0 % of the draws: ask for a lower --quality or a higher loss" in err


def test_help_needs_no_jax():
    probe = "import sys; from lifetimescale.cli import main; main(['plan', '--help']); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert all(
        flag in done.stdout for flag in ("--uncertain-law", "--demand-lognormal", "--no-longer", "[default: 10x]")
    )
    assert done.stdout.rstrip().endswith("False")
