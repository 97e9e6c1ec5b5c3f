"""docs/laws.md: the page runs and says what it computes; docs/laws_of_others.toml has the coefficients of the facts."""

import re
import tomllib
import types

import jax.numpy as jnp
import numpy as np
import pytest
from pages import DOCS, executed
from tables import EVIDENCE, others

import lifetimescale as lts

PAGE = DOCS / "laws.md"
TEXT = " ".join(PAGE.read_text().split())


@pytest.fixture(scope="module")
def page():
    return types.SimpleNamespace(**executed(PAGE))


def says(*sentences: str) -> None:
    for sentence in sentences:
        assert sentence in TEXT, sentence


def billions(params, digits=2):
    return [f"{float(each) / 1e9:.{digits}f}B" for each in np.ravel(params)]


def scientific(value):
    return f"{float(value):.2e}".replace("e+", "e")


def percent(ratio):
    return f"{100 * abs(float(ratio) - 1):.0f} %"


def test_the_presets_are_those_of_the_page():
    families = [preset.family for preset in lts.law_presets().values()]
    plain = sum(family in ("Chinchilla", "Coupled", "Kaplan") for family in families)
    assert (plain, len(families) - plain) == (21, 10)
    for preset in lts.law_presets().values():
        arxiv = re.findall(r"arXiv:(\d+\.\d+)", preset.source)
        assert not preset.law().variables or arxiv[0] in TEXT, preset.name
        assert all(f"`{name}`" in TEXT for name in preset.law().variables)
    assert "`samples`" in TEXT


def test_repeated_data(page):
    few, more, enough = (
        (f"{params / 1e9:.2f}B", f"{epochs:.1f}")
        for params, epochs in zip(page.rare.params, page.rare.tokens / page.unique, strict=True)
    )
    says(
        f"With 25B unique tokens the plan has {few[0]} params and goes through them {few[1]} times",
        f"with 100B it has {more[0]} and goes through them {more[1]} times",
        f"with more than enough it has {enough[0]}",
        f"make the life {percent(page.rare.total[0] / page.rare.total[2])} dearer",
    )


def test_experts(page):
    assert [float(choice) for choice in page.moe.variables["experts"].choices] == [1, 2, 4, 8, 16, 32]
    says(f"# {page.moe(1e9, 2e10, {'experts': 8}):.3f}")
    assert page.capped.design["experts"].tolist() == [32, 32, 16, 4, 1]
    none, _, ten, five, three = (scientific(total) for total in page.capped.total)
    says(f"costs {ten}, {five} and {three} FLOP instead of {none}")


def test_finer_experts_are_those_of_the_paper(page):
    assert page.finest.design["granularity"].tolist() == [8, 16, 32, 64]
    says(", ".join(f"{loss:.3f}" for loss in page.finest.loss))
    np.testing.assert_allclose(page.finest.loss, [3.133, 2.491, 1.694, 1.367], atol=6e-4)  # table 2


def test_sparse_experts(page):
    whole = billions(page.rested.params, 1)
    active = billions(page.rested.params * (1 - page.resting))
    says(
        f"A dense model needs {whole[0]} params for loss 2.15; where 2 % compute, it needs {whole[2]}, but only "
        f"{active[2]} of them at a time, and its life costs {percent(page.rested.total[2] / page.rested.total[0])} less"
    )
    sparsity = jnp.array([0.5, 0.9])
    assert page.sparse(1e10, 1e11, {"sparsity": sparsity[1]}) > page.sparse(1e10, 1e11, {"sparsity": sparsity[0]})
    equally_active = page.sparse(1e9 / (1 - sparsity), 1e11, {"sparsity": sparsity})
    assert equally_active[1] < equally_active[0]


def test_few_bits(page):
    np.testing.assert_allclose(page.together.design["weight_bits"], 7.0021, atol=1e-3)
    weight, activation, cache = (
        f"{page.apart.design[name][1]:.1f}" for name in ("weight_bits", "activation_bits", "cache_bits")
    )
    saved = 100 * (1 - page.apart.total / page.together.total)
    says(
        f"{weight} bits of weights, {activation} of activations and {cache} of the cache, save {saved[1]:.1f} %",
    )
    assert f"{saved[0]:.1f}" == f"{saved[1]:.1f}"


def test_few_bits_after_training(page):
    three, four = (f"{float(ratio):.0f}" for ratio in page.turns)
    sizes = billions(page.deployed.params)
    says(
        f"turns at {three} tokens per param for 3 bits and at {four} for 4",
        f"takes {', '.join(sizes[:3])} and {sizes[3]} params; 5 bits cost least, "
        f"{percent(page.deployed.total[2] / page.deployed.total[3])} less than 16",
    )
    assert int(jnp.argmin(page.deployed.total)) == 2


def test_wide_or_deep(page):
    end = "aspect_ratio = 8 is at the end of its range: beyond it the plan would be cheaper or better."
    assert page.deep.messages()[-1] == end
    assert float(page.deep.design["aspect_ratio"]) == 8
    says(f"an assumed price, it takes {float(page.wide.design['aspect_ratio']):.0f}.", end[:80])


def test_students(page):
    teachers = jnp.array([2.4, 2.0, 1.8, 1.6])
    losses = page.student(546e6, 20 * 546e6, {"teacher_loss": teachers})
    says(", ".join(f"{loss:.3f}" for loss in losses))
    np.testing.assert_allclose(losses[:3], [2.4754, 2.3755, 2.3544], atol=1e-4)
    alone, cheap = page.taught.total / lts.plan(page.alone, page.life, loss=2.3).total
    own, shared = (f"{loss:.2f}" for loss in page.taught.design["teacher_loss"])
    says(f"at L_T = {own}, the teacher makes the life {percent(alone)} dearer", f"to pay, at {shared}, the two cost")
    assert float(cheap) == pytest.approx(1, abs=0.01)


def test_farseer_stays_in_its_box(page):
    assert page.boxed.messages()[0].startswith("The params are at their bound")
    assert float(page.boxed.params) == float(page.farseer.fitted.params[1]) == pytest.approx(6.4e9)
    assert float(page.endless) == pytest.approx(1e13)


def test_samples(page):
    samples, sizes = (values.tolist() for values in (page.often.design["samples"], page.often.params))
    says(
        f"takes {samples[2]:.0f} samples instead of {samples[0]:.0f}, of a model of {sizes[2] / 1e6:.0f}M params "
        f"instead of {sizes[0] / 1e6:.0f}M",
        f"# {page.own.law.gamma:.3f} and {page.own.standard_errors()['gamma']:.3f}; planted with 0.45",
    )
    assert float(page.often.tokens_per_param[2]) > float(page.often.tokens_per_param[0])
    assert float(page.again) == pytest.approx(0, abs=1e-12)
    too_large = page.sampled.at_budget(1e11)(jnp.array([1e9, 1e11]), 1e12)
    assert too_large[1] > too_large[0]


def test_kaplan(page):
    np.testing.assert_allclose(
        page.spelt(jnp.array([1.5e9, 175e9]), jnp.array([23e9, 300e9])), [2.3718, 1.7323], atol=1e-4
    )
    says(f"Both plans are {billions(page.mine.params)[0]} params on {billions(page.mine.tokens, 1)[0]} tokens")
    assert (page.mine.is_unique, page.theirs.is_unique) == (False, True)
    error = page.fitted.standard_errors()["alpha_N"]
    says(f"# {page.fitted.law.coefficients['alpha_N']:.4f} and {error:.4f}; planted with 0.076")


def test_a_broken_law(page):
    assert float(page.example) == pytest.approx(1972.3234, rel=1e-7)
    breaks = [page.one_break[name] for name in ("c1", "d1", "f1")]
    value = page.broken(jnp.array(1000.0), *page.four_digits.values(), breaks)
    assert float(value) == pytest.approx(0.51090961, rel=1e-7)
    tokens, params = page.learnt.tokens, page.learnt.params
    says(
        f"grow from {tokens[0]:.0f} to {tokens[1]:.0f} and the params from {params[0] / 1e3:.1f}K "
        f"to {params[1] / 1e3:.0f}K"
    )
    assert float(tokens.min()) > page.one_break["d1"]


def test_transfer(page):
    assert f"{page.transferred(1e9, 1e8, 1.9e4):.3e}" == "1.376e+09"
    assert page.code.status.tolist() == [[0, 0], [1, 0]]
    (scratch, tuned), (_, better) = page.code.params.tolist()
    says(
        f"takes {scratch / 1e9:.1f}B params from scratch and {tuned / 1e6:.0f}M with pretraining",
        f"and {better / 1e6:.0f}M params do with pretraining",
        f"# {scratch / 1e9:.1f}B and {tuned / 1e6:.0f}M for loss 4.1; for 3.2 no plan (status 1), "
        f"and {better / 1e6:.0f}M",
    )


def test_reference_curves(page):
    names = list(lts.reference_curves())
    assert [name[:6] for name in names] == ["kaplan", *2 * ["hoffma"], *5 * ["porian"], "deepse", "llama3"]
    sentence = TEXT.split('It says: "')[1].split('"')[0]
    assert page.refusal.startswith(sentence)
    assert lts.reference_curve("llama3_2024").why_not_a_law == page.refusal
    params = lts.compute_optimal(page.refit, compute=page.gopher).params
    says(
        f"has {percent(page.trained)} more params than the first approach of the paper, "
        f"{billions(params, 1)[0]} and 67B",
        f"also serves 1e13 tokens the best has {billions(page.used, 1)[0]}",
        f"# {page.trained:.2f}",
    )


def test_traps(page):
    *first, last = billions(jnp.stack(page.spread))
    rounded, whole = (f"{float(ratio):.1f}" for ratio in page.per_param)
    says(
        f"compute-optimal model has {', '.join(first)} and {last} params",
        f"a factor of {page.spread[-1] / page.spread[0]:.0f} apart",
        f"ask for {rounded} tokens per param at Gopher's budget, with all their digits for {whole}",
        f"# {page.correlation[0, 3]:.4f} and {page.correlation[1, 4]:.4f}",
        f"# {page.whole(1e9, 2e10) / page.life(1e9, 2e10):.4f}",
    )
    assert not {"params", "tokens"} & lts.law_preset("abnar2025_sparsity").range.keys()


def test_every_law_of_others_has_evidence_and_coefficients_or_says_that_they_are_missing():
    assert all(law["evidence"] in EVIDENCE and ("missing" in law or "coefficients" in law) for law in others().values())


@pytest.mark.needs_data
def test_the_coefficients_of_others_are_the_facts(shared):
    facts = tomllib.loads((shared / "facts" / "laws.toml").read_text())["law"]
    by_arxiv = {law["arxiv"]: law["evidence"] for law in facts.values()}
    for law in others().values():
        assert law["arxiv"] in by_arxiv
        for one in law.get("coefficients", []):
            found = facts
            for part in one["facts"].split("."):
                found = found[part]
            assert facts[one["facts"].split(".")[0]]["arxiv"] == law["arxiv"]
            names = one.get("keys", {})
            assert one["values"] == {name: found[names.get(name, name)] for name in one["values"]}, law["law"]
            assert facts[one["facts"].split(".")[0]]["evidence"] == law["evidence"], law["law"]
