"""Laws with design variables: where they fall, where they turn, what is convex, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from designs import sampled_law

import lifetimescale as lts
from lifetimescale.laws import AbstractEffective, Logs
from lifetimescale.laws.experts import _log_effective, _log_params
from lifetimescale.planning.turning import _greater_root

# name: law, designs, whether its level sets are claimed to be convex, and the params and tokens that it is held to
LAWS = {
    "experts": (lambda: lts.law("ludziejewski2025_moe"), {"experts": [1, 8, 32]}, True),
    "granularity": (lambda: lts.law("krajewski2024_moe"), {"granularity": [1, 8, 64]}, True),
    "sparsity": (lambda: lts.law("abnar2025_sparsity"), {"sparsity": [0.0, 0.9, 0.98]}, True),
    "bits": (
        lambda: lts.law("kumar2024_precision"),
        {"weight_bits": [4, 8, 16], "activation_bits": [8, 4, 16], "cache_bits": [16, 8, 4]},
        True,
    ),
    "rounded weights": (lambda: lts.law("kumar2024_ptq"), {"deployed_bits": [4, 6, 16]}, True),
    "aspect ratio": (lambda: lts.law("bian2025_shape"), {"aspect_ratio": [8, 64, 512]}, True),
    "teacher": (lambda: lts.law("busbridge2025_distillation"), {"teacher_loss": [1.8, 2.0, 2.4]}, False),
    "unique tokens": (lambda: lts.law("muennighoff2023"), {"unique_tokens": [1e9, 2.5e10, np.inf]}, True),
    "samples": (sampled_law, {"samples": [1, 30, 1000]}, True),
    "farseer": (lambda: lts.law("farseer2025"), {}, False),
}
PARAMS, TOKENS = np.geomspace(2.1e8, 6e9, 13), np.geomspace(2e9, 4e11, 13)
# Where the level sets of the laws that make no claim are not convex: two models and the midpoint, which is worse.
COUNTER_EXAMPLES = {
    "teacher": ({"teacher_loss": 1.8}, (5.03e9, 8.8e10), (3.18e10, 1.12e9)),
    "farseer": ({}, (1.953e10, 2.61e13), (7.415e11, 1.04e9)),
}


@pytest.fixture(params=LAWS)
def case(request):
    build, designs, convex = LAWS[request.param]
    count = len(next(iter(designs.values()), [0]))
    each = [{name: float(values[i]) for name, values in designs.items()} for i in range(count)]
    return request.param, build(), each, convex


def test_loss_falls_in_params_and_in_tokens_where_it_does_not_turn(case):
    name, law, designs, _ = case
    for design in designs:
        loss = np.asarray(law(PARAMS[:, None], TOKENS, design))
        if name not in ("rounded weights", "farseer"):
            assert (np.diff(loss, axis=0) < 0).all()
        if name != "rounded weights":
            assert (np.diff(loss, axis=1) < 0).all()


def test_level_sets_are_convex_in_logarithms_or_there_is_a_counter_example(case):
    name, law, designs, convex = case
    rng = np.random.default_rng(0)
    ends = 10 ** rng.uniform([[8], [9]], [[12], [14]], (2, 2, 20000))
    for design in designs:
        one, other = (np.asarray(law(*end, design)) for end in ends)
        middle = np.asarray(law(*np.sqrt(ends[0] * ends[1]), design))
        if convex:
            assert (middle <= np.maximum(one, other) * (1 + 1e-12)).all()
        assert bool(_at(law, design).convex_levels) == convex
    if not convex:
        design, one, other = COUNTER_EXAMPLES[name]
        worse = float(law(*np.sqrt(np.multiply(one, other)), design))
        assert worse > 1.001 * max(float(law(*one, design)), float(law(*other, design)))


def test_derivatives_are_finite_differences(case):
    """In params, tokens, the design variables and every coefficient."""
    _, law, designs, _ = case
    design = {name: jnp.asarray(min(value, 1e15)) for name, value in designs[1 if len(designs) > 1 else 0].items()}
    logs = jnp.log(jnp.asarray([2e9, 7e10]))

    def loss(numbers):
        law, logs, design = numbers
        return law.at(design).loss(*jnp.exp(logs))

    law = jax.tree.map(lambda leaf: jnp.where(jnp.isinf(leaf), 1.0, leaf), law)  # ranges without an end
    numbers = (law, logs, design)
    leaves, structure = jax.tree.flatten(numbers)
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])

    def of(flat):
        sizes = np.cumsum([leaf.size for leaf in leaves])[:-1]
        parts = [part.reshape(leaf.shape) for part, leaf in zip(jnp.split(flat, sizes), leaves, strict=True)]
        return loss(jax.tree.unflatten(structure, parts))

    slopes = np.asarray(jax.jit(jax.grad(of))(flat))
    flat_numbers = np.asarray(flat)
    steps = np.diag(1e-6 * np.abs(flat_numbers) + (flat_numbers == 0) * 1e-7)
    values = np.asarray(
        jax.jit(jax.vmap(of))(jnp.asarray(np.concatenate([flat_numbers + steps, flat_numbers - steps])))
    )
    differences = (values[: len(flat)] - values[len(flat) :]) / (2 * np.diagonal(steps))
    scale = np.abs(values[0]) / np.maximum(np.abs(flat_numbers), 1e-12)
    assert np.allclose(slopes, differences, rtol=2e-6, atol=1e-9 * scale.max() + 2e-9 * scale)


def test_many_at_once_are_each_alone(case):
    _, law, designs, _ = case
    many = {name: jnp.asarray([design[name] for design in designs]) for name in designs[0]}
    losses = law(2e9, 7e10, many)
    assert [float(law(2e9, 7e10, design)) for design in designs] == pytest.approx(np.ravel(losses).tolist(), rel=1e-14)


def test_a_law_without_its_design_says_what_it_needs():
    with pytest.raises(ValueError, match="FineGrainedExperts has a loss only at values of granularity"):
        lts.law("krajewski2024_moe")(1e9, 2e10)


def test_rounded_weights_turn_at_the_published_tokens_per_param():
    """208 tokens per param at 1.7B in 4 bits, 38 in 3 bits; the turn moves as N^0.343."""
    law, tokens = lts.law("kumar2024_ptq"), np.geomspace(1e10, 1e13, 40001)
    for bits, ratio in ((4.0, 208), (3.0, 38)):
        turn = tokens[np.argmin(law(1.7e9, tokens, {"deployed_bits": bits}))]
        assert turn / 1.7e9 == pytest.approx(ratio, abs=0.5)
    ten = tokens[np.argmin(law(1.7e10, tokens, {"deployed_bits": 3.0}))]
    assert np.log10(ten / turn) == pytest.approx(0.3439 / (0.4965 + 0.5068), abs=1e-3)


def test_repeats_have_continuous_slopes_and_a_jump_of_curvature_where_they_begin():
    law = lts.law("muennighoff2023").at({"unique_tokens": jnp.asarray(2.5e10)})

    def loss(log_tokens):
        return law.loss(jnp.asarray(5e8), jnp.exp(log_tokens))

    around = jnp.log(2.5e10) + jnp.asarray([-1e-9, 1e-9])
    slopes = jax.vmap(jax.grad(loss))(around)
    curvatures = jax.vmap(jax.grad(jax.grad(loss)))(around)
    assert float(slopes[0]) == pytest.approx(float(slopes[1]), rel=1e-7)
    assert float(curvatures[1]) > 1.1 * float(curvatures[0])


def test_no_number_of_epochs_is_worth_more_than_a_ceiling():
    law = lts.law("muennighoff2023").at({"unique_tokens": jnp.asarray(1.0)})
    for epochs, worth in ((4.0, 4 * 0.9314), (1e6, 16.387756)):
        effective = law.effective(Logs(jnp.zeros(()), jnp.log(epochs)))
        assert float(jnp.exp(effective.tokens)) == pytest.approx(worth, rel=1e-3 if epochs == 4 else 1e-12)
    assert float(law.real(Logs(jnp.zeros(()), jnp.log(16.4))).tokens) == np.inf


@pytest.mark.parametrize("name", ["unique tokens", "sparsity"])
def test_effective_numbers_and_back(name):
    build, designs, _ = LAWS[name]
    ((variable, values),) = designs.items()
    for value in values:
        law = build().at({variable: jnp.asarray(float(value))})
        assert isinstance(law, AbstractEffective)
        most = (0.5 * value, 10 * value) if name == "unique tokens" and np.isfinite(value) else (1e13, 1e14)
        logs = Logs(*(jnp.linspace(jnp.log(1e6), jnp.log(end), 400) for end in most))
        back = jax.vmap(lambda logs, law=law: law.real(law.effective(logs)))(logs)
        assert np.allclose(back.params, logs.params, rtol=0, atol=1e-11)
        assert np.allclose(back.tokens, logs.tokens, rtol=0, atol=1e-11)


def test_few_repeats_do_not_cancel():
    """D/U - 1 = 1e-12: with 1 - exp(-x) for expm1 the loss would not change at all."""
    law = lts.law("muennighoff2023").at({"unique_tokens": jnp.asarray(1e10)})
    slope = jax.grad(lambda d: law.effective(Logs(jnp.zeros(()), d)).tokens)(jnp.log(1e10 * (1 + 1e-12)))
    assert float(slope) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("kappa", [0.05, 0.33, 2.0])
def test_where_a_sum_of_powers_turns_its_greater_root_is_found(kappa):
    """x + c/x^kappa = 1 for roots from far apart to 1e-3 in log x of where they meet, and none beyond."""
    apart = jnp.asarray([10.0, 1.0, 0.1, 1e-2, 1e-3])
    log_harm = (1 + kappa) * (-jnp.log1p(1 / kappa) + apart * 0) - jnp.log(kappa)  # the roots meet at this harm
    turn = -jnp.log1p(1 / kappa)
    root = turn + apart
    harm = jnp.log(jnp.maximum(1 - jnp.exp(root), 1e-300)) + kappa * root
    known = root < 0
    found = jax.vmap(_greater_root)(jnp.zeros(5), jnp.where(known, harm, -100.0), jnp.full(5, kappa))
    assert np.allclose(np.asarray(found)[known], np.asarray(root)[known], rtol=0, atol=1e-9)
    beyond = jax.vmap(_greater_root)(jnp.zeros(5), log_harm + 1e-6, jnp.full(5, kappa))
    assert np.isnan(np.asarray(beyond)).all()


def test_params_of_two_terms_whose_exponents_are_ten_times_apart():
    terms = ((jnp.log(1e4), jnp.asarray(1.0)), (jnp.log(3.0), jnp.asarray(0.1)))
    logs = jnp.linspace(-5.0, 60.0, 200)
    back = jax.vmap(lambda n: _log_params(_log_effective(n, terms), terms))(logs)
    assert np.allclose(back, logs, rtol=1e-13, atol=1e-12)


def test_a_too_good_teacher_harms():
    """The best teachers of a student of 546M params, and the losses that they lead to (own computation)."""
    law, teachers = lts.law("busbridge2025_distillation"), np.linspace(1.5, 2.3, 8001)
    known = [(546e6, 20, 1.776, 2.354), (546e6, 100, 2.028, 2.314), (546e6, 1000, 2.072, 2.241)]
    for params, ratio, teacher, student in known:
        losses = np.asarray(law(params, ratio * params, {"teacher_loss": teachers}))
        assert teachers[np.argmin(losses)] == pytest.approx(teacher, abs=1e-3)
        assert losses.min() == pytest.approx(student, abs=6e-4)


def test_the_factor_of_a_student_does_not_overflow():
    law = lts.law("busbridge2025_distillation")
    losses = law(jnp.asarray([1e3, 1e15]), jnp.asarray([1e3, 1e20]), {"teacher_loss": jnp.asarray([0.5, 5.0])})
    assert np.isfinite(np.asarray(losses)).all()


def _at(law, design):
    return law.at({name: jnp.asarray(value) for name, value in design.items()})
