"""Laws with design variables on the command line: what is chosen and priced, and what is said of wrong input."""

import subprocess
import sys

import jax.numpy as jnp
import pytest

import lifetimescale as lts
from lifetimescale.cli.lowest import lowest

# A plan takes seconds to compile and none to run, so tests share four programs: a choice of experts, a number of them,
# a number of unique tokens, and one precision in a range.
EXPERTS = "plan --law ludziejewski2025_moe --inference-tokens 1T"
REPEATED = "plan --law muennighoff2023 --inference-tokens 10T --design unique-tokens=25B"
ONE_PRECISION = "--design activation-bits=weight_bits --design cache_bits=weight-bits"
BITS = f"plan --law kumar2024_precision --inference-tokens 1T {ONE_PRECISION}"
EIGHT_BITS = "--law kumar2024_precision --design weight_bits=8 --design activation_bits=8 --design cache_bits=8"
EIGHT = "--law ludziejewski2025_moe --design experts=8"


class TestPlans:
    def test_the_best_of_a_few(self, answer):
        report = answer(f"{EXPERTS} --loss 2.2 --design experts=1,4,32")
        assert report["design"] == {"experts": 32.0}
        assert report["params"] == pytest.approx(1.216e9, rel=1e-3)
        assert report["tokens"] == pytest.approx(3.782e11, rel=1e-3)
        assert report["total"] == pytest.approx(5.190e21, rel=1e-3)
        assert "design" not in report["baseline"]
        assert answer(f"{EXPERTS} --loss 2.2 --design experts=1,4,16")["design"] == {"experts": 16.0}

    def test_a_number(self, answer):
        report = answer(f"{EXPERTS} --loss 2.2 --design experts=8")
        best = lts.plan(lts.law("ludziejewski2025_moe"), lts.Flops(1e12), loss=2.2, design={"experts": 8})
        for name in ("params", "tokens", "total", "saving"):
            assert report[name] == pytest.approx(float(getattr(best, name)), rel=1e-10)

    def test_unique_tokens(self, answer):
        report = answer(f"{REPEATED} --loss 2.219298")
        assert report["design"] == {"unique_tokens": 25e9}
        assert report["params"] == pytest.approx(3.897e9, rel=2e-4)
        assert report["tokens"] == pytest.approx(8.381e11, rel=2e-4)

    def test_one_precision_of_which_each_bit_costs_its_share(self, answer):
        report = answer(f"{BITS} --loss 3 --design weight_bits=3..16")
        bits = report["design"]["weight_bits"]
        assert [*report["design"].values()] == 3 * [pytest.approx(7.002, abs=5e-4)]
        assert report["training"] == pytest.approx(6 * report["params"] * report["tokens"] * bits / 16, rel=1e-12)
        assert report["serving"] == pytest.approx(2e12 * report["params"] * bits / 16, rel=1e-12)

    def test_as_good_as_a_model_of_the_same_design(self, answer):
        report = answer(f"{EXPERTS} --like 1B --design experts=8")
        assert report["baseline"]["params"] == pytest.approx(1e9, rel=1e-9)
        assert report["loss"] == report["baseline"]["loss"]

    def test_plain_laws_say_nothing_of_designs(self, answer):
        assert "design" not in answer("plan --loss 2")


class TestWords:
    def test_the_table_and_the_sentences_name_the_design(self, run):
        code, out, _ = run(f"{EXPERTS} --loss 2.2 --design experts=1,4,32")
        said = " ".join(out.split())
        assert code == 0
        assert said.startswith("Train 1.22B params on 378B tokens, experts 32: 5.19e21 FLOP over its life, 48.2 % less")
        assert "than the compute-optimal 4.13B on 71.6B of the same design." in said
        assert "experts 32 32 training" in said
        assert "Within 1 % of the least cost, at the same design: 1.09B on" in said

    def test_outside_the_fitted_range(self, answer):
        warnings = answer(f"{EXPERTS} --loss 2.2 --design experts=64")["warnings"]
        assert (
            "experts = 64 is 2 times the most that the law was fitted on (32.0): the law is extrapolated." in warnings
        )

    def test_at_the_end_of_a_range(self, answer):
        report = answer(f"{BITS} --loss 3 --design weight_bits=3..5")
        assert report["design"]["weight_bits"] == 5.0
        assert "weight_bits = 5 is at the end of its range: beyond it the plan" in " ".join(report["warnings"])


class TestModels:
    def test_a_model_of_a_design(self, answer, run):
        report = answer(f"model {EIGHT} --params 1B --tokens 20B")
        loss = lts.law("ludziejewski2025_moe")(1e9, 2e10, {"experts": 8})
        assert report["loss"] == pytest.approx(float(loss), rel=1e-12)
        assert report["design"] == {"experts": 8.0}
        assert "experts 8" in " ".join(run(f"model {EIGHT} --params 1B --tokens 20B")[1].split())

    def test_the_compute_optimal_model_of_a_design(self, answer):
        report = answer(f"model {EIGHT} --compute-optimal --params 1B")
        again = answer(f"model {EIGHT} --compute-optimal --loss {report['loss']!r}")
        assert again["params"] == pytest.approx(1e9, rel=1e-9)

    def test_bits_are_priced_once(self, answer):
        """In dollars the model of a law of bits is that of 16 bits, times their share."""
        size = "--params 1B --tokens 20B --requests 1e9 --cost fixed"
        dense = answer(f"model {size} --serve-precision bf16")
        few = answer(f"model {EIGHT_BITS} {size}")
        for name in ("training", "serving", "total"):
            assert few[name] == pytest.approx(dense[name] / 2, rel=1e-12)


WRONG = [
    ("plan --law muennighoff2023 --loss 2.2", "depends on unique_tokens, which has no range of its own: give --design"),
    (f"{EXPERTS} --loss 2.2 --design granularity=8", "has no design variable 'granularity': there is experts"),
    (f"{BITS} --loss 3 --design bits=8", "there is weight_bits, activation_bits and cache_bits"),
    ("plan --loss 2 --design experts=8", "chinchilla has no design variable 'experts': it has none, so leave"),
    (f"{EXPERTS} --loss 2.2 --design experts", "'experts' is incomplete or there twice: write it like"),
    (f"{EXPERTS} --loss 2.2 --design experts=1 --design experts=2", "'experts=2' is incomplete or there twice"),
    (f"{EXPERTS} --loss 2.2 --design experts=many", "--design: experts: 'many' is not a number"),
    (f"{EXPERTS} --loss 2.2 --design experts=1,,4", "--design: experts: '' is not a number"),
    (f"{EXPERTS} --loss 2.2 --design experts=-1", "--design: experts: -1 is out of range"),
    (f"{EXPERTS} --loss 2.2 --design experts=experts", "experts=experts says nothing"),
    (f"{EXPERTS} --loss 2.2 --design experts=64..1", "experts=64..1 ends before it begins: write the lower end first"),
    (f"{EXPERTS} --loss 2.2 --design experts=1..", "'' is not a number"),
    (
        f"{BITS} --loss 3 --design weight-bits=cache-bits",
        "weight_bits is the same as cache_bits, which is the same as another",
    ),
    (f"{EXPERTS} --like 13B", "the loss that --like asks for depends on experts of ludziejewski2025_moe: give --loss"),
    (
        "plan --like 13B --law farseer2025",
        "of 13.0B params is outside the 201M to 6.40B that farseer2025 was fitted on",
    ),
    ("plan --loss 2 --law llama3_2024", "llama3_2024 is a reference curve, not a law"),
    ("model --params 1B --tokens 1T --law llama3_2024", "llama3_2024 is a reference curve, not a law"),
    ("plan --law busbridge2025_distillation --loss 2.3 --cost fixed", "a teacher is counted in FLOP"),
    (f"{BITS} --loss 3 --serve-precision int8", "--serve-precision int8 would count few bits twice"),
    (f"{BITS} --loss 3 --train-precision fp8", "--train-precision fp8 would count few bits twice"),
    (f"{REPEATED.replace('25B', '0')} --loss 3", "muennighoff2023 has no loss with unique_tokens 0: give values above"),
    ("model --law ludziejewski2025_moe --params 1B --tokens 1T", "the loss of a model depends on experts"),
    (
        "model --law abnar2025_sparsity --params 1B --tokens 20B --design sparsity=150%",
        "abnar2025_sparsity has no loss with sparsity 1.5: give values like sparsity 0 to 0.98",
    ),
    (f"sensitivity {EIGHT} --loss 2.2", "sensitivity is for laws of params and tokens alone"),
    (
        f"plan {EIGHT} --loss 2.2 --demand-lognormal 2T:3x",
        "a decision under uncertainty is for laws of params and tokens",
    ),
    ("plan --uncertain-law besiroglu2024 --loss 2.2 --design experts=8", "has no design variables: leave --design out"),
    ("plan --uncertain-law ludziejewski2025_moe --loss 2.2", "the covariance of ludziejewski2025_moe is not known"),
    ("fit runs.csv --law ludziejewski2025_moe", 'Invalid value "ludziejewski2025_moe" for --law'),
]
IMPOSSIBLE = [
    (f"{EXPERTS} --loss 1.3 --design experts=1,4,32", "ludziejewski2025_moe falls to 1.3637 at best, so ask for more"),
    (f"{EXPERTS} --loss 1.3 --design experts=8", "falls to 1.3637 at best with experts 8"),
    (f"{REPEATED} --loss 2.0", "muennighoff2023 falls to 2.1559 at best with unique_tokens 25.0B"),
    (f"{BITS} --loss 2.7 --design weight_bits=3..16", "kumar2024_precision falls to 2.7648 at best, so ask for more"),
    (
        "model --compute-optimal --loss 0.3 --law farseer2025",
        "falls to 0.419148 within the 201M to 6.40B params and 1.00B to 512B tokens that it was fitted on",
    ),
    (
        "model --compute-optimal --loss 2.7 --law kumar2024_ptq --design deployed_bits=4",
        "kumar2024_ptq falls to 2.7648 at best",
    ),
]


@pytest.mark.parametrize(("command", "advice"), WRONG)
def test_wrong_input_is_one_sentence_and_exit_code_2(refused, command, advice):
    assert advice in refused(command)


@pytest.mark.parametrize(("command", "advice"), IMPOSSIBLE)
def test_impossible_plans_are_exit_code_3_with_the_number_that_would_do(refused, command, advice):
    assert advice in refused(command, 3)


def test_a_sweep_of_such_a_law_is_refused(run, tmp_path):
    spec = tmp_path / "spec.toml"
    spec.write_text('[plan]\nlaw = "ludziejewski2025_moe"\nloss = 2.2\n[axes]\ninference_tokens = [1e12]\n')
    code, out, err = run(f"sweep {spec} --dry-run")
    assert (code, out) == (2, "")
    assert "[plan]: a sweep is for laws of params and tokens alone" in err


def test_help_needs_neither_jax_nor_numpy():
    show = "print({'jax', 'numpy'} & {*sys.modules})"
    probe = f"import sys; from lifetimescale.cli import main; main(['plan', '--help']); {show}"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "--design" in done.stdout
    assert done.stdout.rstrip().endswith("set()")


class TestLowest:
    """What is said to be the least is the least."""

    def test_of_a_law_that_turns(self):
        law, tokens = lts.law("kumar2024_ptq"), jnp.geomspace(1e9, 1e14, 100_001)
        found = lowest(law, {"params": (1.0, 1e9), "tokens": (1.0, 1e300)}, {"deployed_bits": 4.0})
        assert found.value == pytest.approx(float(law(1e9, tokens, {"deployed_bits": 4.0}).min()), rel=1e-8)
        assert found.design == {"deployed_bits": 4.0}

    def test_of_choices(self):
        law, size = lts.law("kumar2024_precision"), {"params": (1e9, 1e9), "tokens": (2e10, 2e10)}
        choices = {"weight_bits": lts.Between(4, 9), "activation_bits": lts.OneOf(8, 12, 4)}
        found = lowest(law, size, {**choices, "cache_bits": lts.Same("weight_bits")})
        assert found.design == {"weight_bits": 9.0, "activation_bits": 12.0, "cache_bits": 9.0}
        assert found.value == pytest.approx(float(law(1e9, 2e10, found.design)), rel=1e-12)

    def test_what_does_not_matter_is_not_named(self):
        endless = {"params": (1e300, 1e300), "tokens": (1e300, 1e300)}
        found = lowest(lts.law("krajewski2024_moe"), endless, {"granularity": lts.Between(1, 64)})
        assert found == (pytest.approx(0.47), {})
