"""Plans over design variables: brute force, finite differences, published allocations, statuses and warnings."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from designs import DESIGNED, SERVED, filtered, sampled_law

import lifetimescale as lts
from lifetimescale.planning.choices import choices_of

STEP = 1e-4  # of the target loss, for differences


@functools.cache
def solved(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The numbers of the plans of a problem at losses around its own, and their derivatives by the loss."""
    problem = DESIGNED[name]
    law, cost, design = problem.law(), problem.cost(), dict(problem.choices)

    @jax.jit
    def numbers(losses):
        def of(losses):
            plan = lts.plan(law, cost, loss=losses, design=design, **problem.bounds)
            return {"params": plan.params, "tokens": plan.tokens, "total": plan.total, **plan.design}, plan.status

        return jax.jvp(of, (losses,), (jnp.ones_like(losses),))

    losses = problem.loss * jnp.asarray([1 - STEP, 1.0, 1 + STEP, 1.02, 1.05])
    (values, status), (slopes, _) = numbers(losses)
    assert not np.asarray(status).any()
    return ({n: np.asarray(v) for n, v in values.items()}, {n: np.asarray(v) for n, v in slopes.items()})


@pytest.fixture(params=DESIGNED)
def name(request):
    return request.param


def test_no_model_of_a_grid_is_cheaper(name):
    problem, values = DESIGNED[name], {key: float(value[1]) for key, value in solved(name)[0].items()}
    law, cost = problem.law(), problem.cost()
    choices = choices_of(law, cost, problem.choices)
    free = [key for key, choice in choices.items() if isinstance(choice, lts.Between)]
    points = {0: 1, 1: 40, 3: 9}[len(free)]
    axes = {
        key: np.asarray([float(x) for x in choice.choices])
        if isinstance(choice, lts.OneOf)
        else np.geomspace(float(choice.least) or 0.02 * float(choice.most), float(choice.most), points)
        for key, choice in choices.items()
        if isinstance(choice, lts.OneOf | lts.Between)
    }
    params, tokens = (
        values[key] * np.geomspace(1 / spread, spread, 121) for key, spread in (("params", 8), ("tokens", 12))
    )
    best = np.inf
    for combination in itertools.product(*axes.values()):
        design = dict(zip(axes, combination, strict=True))
        design |= {key: float(choice) for key, choice in choices.items() if isinstance(choice, jax.Array)}
        design |= {key: design[choice.name] for key, choice in choices.items() if isinstance(choice, lts.Same)}
        total = np.array(cost(params[:, None], tokens, design))
        total[~(np.asarray(law(params[:, None], tokens, design)) <= problem.loss)] = np.inf
        at = cost.at({key: jnp.asarray(value) for key, value in design.items()})
        if at.has_capacity:
            used = jax.vmap(lambda n, at=at: at.limits(n, jnp.asarray(1e9)).capacity)(jnp.asarray(params))
            total[np.asarray(used) > 0] = np.inf
        if law.is_confined:
            (fewest, most), (least, longest) = law.fitted.params, law.fitted.tokens
            total[(params < float(fewest)) | (params > float(most))] = np.inf
            total[:, (tokens < float(least)) | (tokens > float(longest))] = np.inf
        best = min(best, total.min())
    assert values["total"] <= best * (1 + 1e-12)
    assert values["total"] > best * (0.9 if name == "experts in memory" else 0.97)


def test_the_model_reaches_its_loss_at_its_cost(name):
    problem, values = DESIGNED[name], {key: float(value[1]) for key, value in solved(name)[0].items()}
    design = {key: value for key, value in values.items() if key not in ("params", "tokens", "total")}
    model = values["params"], values["tokens"]
    assert float(problem.law()(*model, design)) == pytest.approx(problem.loss, rel=1e-9)
    assert float(problem.cost()(*model, design)) == pytest.approx(values["total"], rel=1e-12)


def test_derivatives_are_those_of_the_plan_itself(name):
    """Implicit derivatives of params, tokens and design, the envelope's of the total, against differences of plans."""
    values, slopes = solved(name)
    step = 2 * STEP * DESIGNED[name].loss
    for key, value in values.items():
        difference = (value[2] - value[0]) / step
        assert float(slopes[key][1]) == pytest.approx(float(difference), rel=2e-5, abs=1e-9 * abs(value[1])), key


@pytest.mark.parametrize(("name", "targets"), [("teacher", (2.1, 2.5)), ("a function", (2.0, 2.6))])
def test_the_best_of_several_basins_is_found(name, targets):
    """Against plans at 41 given designs, over 200 scenarios; the function has a basin at 1 and one inside."""
    problem, rng = DESIGNED[name], np.random.default_rng(1)
    demand, losses = jnp.asarray(10 ** rng.uniform(10, 14, 200)), jnp.asarray(rng.uniform(*targets, 200))
    cost = {
        "teacher": lts.Flops(demand) + lts.OwnTeacher(lts.law("busbridge2025_supervised")),
        "a function": lts.Flops(demand) + lts.FunctionCost(filtered, {"price": 1e10}, unit="FLOP"),
    }[name]
    best = lts.plan(problem.law(), cost, loss=losses, design=dict(problem.choices))
    ((variable, choice),) = choices_of(problem.law(), cost, problem.choices).items()
    values = jnp.linspace(choice.least, choice.most, 41)[:, None]
    given = lts.plan(problem.law(), cost, loss=losses, design={variable: values})
    assert not np.asarray(best.status).any()
    assert (np.asarray(best.total) <= np.nanmin(given.total, axis=0) * (1 + 1e-12)).all()
    inside = np.asarray(best.design[variable]) < float(choice.most)
    assert inside.any()
    assert inside.all() == (name == "teacher")


def test_a_higher_loss_is_cheaper(name):
    assert (np.diff(solved(name)[0]["total"]) < 0).all()


@pytest.mark.parametrize("name", ["experts", "granularity", "bits", "samples"])
def test_a_budget_buys_back_the_loss_that_it_is_the_cost_of(name):
    values = solved(name)[0]
    best = DESIGNED[name].plan(budget=values["total"][1])
    assert float(best.loss) == pytest.approx(DESIGNED[name].loss, rel=1e-10)
    for key in values.keys() - {"total"}:
        got = {"params": best.params, "tokens": best.tokens, **best.design}[key]
        assert float(got) == pytest.approx(float(values[key][1]), rel=1e-6), key


def test_a_price_of_everything_leaves_the_plan():
    problem = DESIGNED["samples"]
    ten = lts.plan(problem.law(), 10 * problem.cost(), loss=problem.loss)
    for got, key in ((ten.params, "params"), (ten.design["samples"], "samples"), (ten.total / 10, "total")):
        assert float(got) == pytest.approx(float(solved("samples")[0][key][1]), rel=1e-8)


def test_single_precision():
    """params, tokens and design to 3e-3, as the optimum is flat; the least total to 1e-5."""
    for name in ("samples", "experts", "rounded weights"):
        problem, values = DESIGNED[name], solved(name)[0]
        law, cost = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (problem.law(), problem.cost()))
        single = lts.plan(law, cost, loss=jnp.float32(problem.loss))
        assert single.params.dtype == jnp.float32
        assert float(single.total) == pytest.approx(float(values["total"][1]), rel=1e-5)
        for got, key in (
            (single.params, "params"),
            (single.tokens, "tokens"),
            *((v, k) for k, v in single.design.items()),
        ):
            assert float(got) == pytest.approx(float(values[key][1]), rel=3e-3), (name, key)


def test_every_status_in_one_batch_and_nan_in_value_and_derivative():
    problem = DESIGNED["samples"]
    law = problem.law()
    losses = jnp.asarray([1.0, 0.25, jnp.nan, 1.1])
    price = jnp.asarray([1e10, 1e10, 1e10, jnp.inf])

    def total(losses):
        cost = lts.Multiplied(lts.Flops(price), lambda samples: samples, phase="serving")
        best = lts.plan(law, cost, loss=losses)
        return jnp.sum(best.total), best

    slope, best = jax.jit(jax.grad(total, has_aux=True))(losses)
    expected = [lts.Status.OK, lts.Status.UNREACHABLE, lts.Status.INVALID, lts.Status.INVALID]
    assert best.status.tolist() == [int(status) for status in expected]
    failed = np.asarray(best.status) != 0
    by_loss = jax.jvp(lambda losses: total(losses)[1].design["samples"], (losses,), (jnp.ones(4),))[1]
    assert (np.isnan(np.asarray(by_loss)) == failed).all()
    for number in (best.params, best.tokens, best.total, best.design["samples"], slope):
        assert (np.isnan(np.asarray(number)) == failed).all()


class TestPublished:
    """Allocations that papers state, or that were computed from their coefficients."""

    def test_granularity_grows_with_the_budget(self):
        """Krajewski et al. 2024, table 2: G of 8, 16, 32, 64 and active params of 1e8, 1e9, 7e10, 1e12."""
        table = {2.95e18: (8, 1e8), 1.93e20: (16, 1e9), 4.16e23: (32, 7e10), 4.97e25: (64, 1e12)}
        powers = lts.OneOf(*(2**i for i in range(8)))
        cost = lts.Resized(lts.Flops(0.0), lts.RoutedParams())
        best = lts.plan(
            lts.law("krajewski2024_moe_unrounded"), cost, budget=jnp.asarray([*table]), design={"granularity": powers}
        )
        assert best.design["granularity"].tolist() == [G for G, _ in table.values()]
        active = np.asarray(best.params) / 43
        assert active == pytest.approx([params for _, params in table.values()], rel=0.25)

    def test_lifetime_plans_of_a_mixture(self):
        """Own computation: loss 2.2, 1e12 tokens served, dense and of 4, 8 and 32 experts."""
        known = {1: (3.716e9, 408.8e9, 1.655e22), 4: (2.543e9, 397.3e9, 1.115e22), 8: (2.007e9, 390.7e9, 8.719e21),
                 32: (1.216e9, 378.2e9, 5.190e21)}  # fmt: skip
        best = lts.plan(
            lts.law("ludziejewski2025_moe"), lts.Flops(SERVED), loss=2.2, design={"experts": jnp.asarray([*known])}
        )
        for row, (params, tokens, total) in enumerate(known.values()):
            assert float(best.params[row]) == pytest.approx(params, rel=1e-3)
            assert float(best.tokens[row]) == pytest.approx(tokens, rel=1e-3)
            assert float(best.total[row]) == pytest.approx(total, rel=1e-3)

    def test_memory_decides_the_experts(self):
        """Own computation: no cap 32, 20B 32, 10B 16, 5B 4, 3B none; and what each costs."""
        caps = jnp.asarray([jnp.finfo(float).max, 20e9, 10e9, 5e9, 3e9])
        cost = lts.Flops(SERVED) + lts.Resized(lts.Memory(caps), lts.AllExperts())
        best = lts.plan(lts.law("ludziejewski2025_moe"), cost, loss=2.2)
        assert best.design["experts"].tolist() == [32, 32, 16, 4, 1]
        assert np.asarray(best.total) == pytest.approx([5.190e21, 5.29e21, 7.93e21, 1.249e22, 1.712e22], rel=2e-3)
        capped = (np.asarray(best.warnings) & lts.Warnings.AT_CAPACITY) > 0
        assert capped.tolist() == [False, True, True, True, True]

    def test_data_constrained_plans(self):
        """At the loss of 7B params on 140B new tokens (own computation); the paper's for 1e22 FLOP, 25B unique."""
        law, inf = lts.law("muennighoff2023"), 1e30
        loss = law(7e9, 140e9, {"unique_tokens": inf})
        rows = [(inf, 0.0, 7.069e9, 1.386e11, 5.880e21), (inf, 1e13, 2.032e9, 1.352e12, 5.713e22),
                (100e9, 1e12, 3.600e9, 3.570e11, 1.491e22), (100e9, 1e13, 2.374e9, 1.101e12, 6.316e22),
                (25e9, 0.0, 7.239e9, 2.472e11, 1.074e22), (25e9, 1e13, 3.897e9, 8.381e11, 9.754e22)]  # fmt: skip
        unique, served, params, tokens, total = (jnp.asarray(column) for column in zip(*rows, strict=True))
        best = lts.plan(law, lts.Flops(served), loss=loss, design={"unique_tokens": unique})
        assert np.asarray(best.params) == pytest.approx(np.asarray(params), rel=1e-3)
        assert np.asarray(best.tokens) == pytest.approx(np.asarray(tokens), rel=1e-3)
        assert np.asarray(best.total) == pytest.approx(np.asarray(total), rel=1e-3)
        bought = lts.plan(law, lts.Flops(0.0), budget=1e22, design={"unique_tokens": 25e9})
        assert float(bought.params) == pytest.approx(7.022e9, rel=1e-3)
        assert float(bought.tokens) == pytest.approx(237.3e9, rel=1e-3)

    def test_one_precision_is_seven_bits_whatever_is_asked(self):
        problem = DESIGNED["bits"]
        cost = lts.Multiplied(lts.Flops(jnp.asarray([0.0, 1e10, 1e12, 1e15])), lambda weight_bits: weight_bits / 16)
        best = lts.plan(problem.law(), cost, loss=3.0, design=dict(problem.choices))
        assert np.asarray(best.design["weight_bits"]) == pytest.approx([7.0021] * 4, abs=1e-4)

    def test_best_teachers_of_given_students(self):
        """Own computation: 546M on 20, 100 and 1000 tokens per param, 1.82B on 100."""
        law = lts.law("busbridge2025_distillation")
        params, ratio = jnp.asarray([546e6, 546e6, 546e6, 1.82e9]), jnp.asarray([20.0, 100.0, 1000.0, 100.0])
        design = {"teacher_loss": lts.Between(1.3, 2.6)}
        taught = lts.price(law, lts.Flops(0.0), params=params, tokens=ratio * params, design=design)
        assert np.asarray(taught.design["teacher_loss"]) == pytest.approx([1.776, 2.028, 2.072, 1.906], abs=1e-3)
        assert np.asarray(taught.loss)[:3] == pytest.approx([2.354, 2.314, 2.241], abs=6e-4)

    def test_compute_optimal_inside_the_box_and_at_its_edge(self):
        """Farseer: 1e20 and 1e21 FLOP have plans within; from 1e22 the free minimum leaves towards 1e13 params."""
        law = lts.law("farseer2025")
        best = lts.plan(law, lts.Flops(0.0), budget=jnp.asarray([1e20, 1e21, 1e24]))
        assert np.asarray(best.params[:2]) == pytest.approx([1.244e9, 3.914e9], rel=1e-3)
        assert np.asarray(best.tokens_per_param[:2]) == pytest.approx([10.8, 10.9], abs=0.06)
        edge = (np.asarray(best.warnings) & lts.Warnings.PARAMS_AT_BOUND) > 0
        assert edge.tolist() == [False, False, True]


class TestFeasibleSets:
    """Empty, of two branches, or kinked: the right branch is taken and said, and never a silent wrong root."""

    def test_rounded_weights_are_planned_where_more_tokens_still_help(self):
        """At equal loss a size has two numbers of tokens, of which the fewer are cheaper."""
        law, design = lts.law("kumar2024_ptq"), {"deployed_bits": 4.0}
        best = lts.plan(law, lts.Flops(1e13), loss=3.0, design=design)
        tokens = best.tokens * jnp.geomspace(1, 1e4, 400)
        losses = np.asarray(law(best.params, tokens, design))
        assert best.status == lts.Status.OK
        assert losses[0] == pytest.approx(3.0, rel=1e-9)
        turn = int(np.argmin(losses))
        assert 0 < turn < 399
        assert losses[-1] > 3.0  # the other branch lies between the turn and here

    def test_no_tokens_suffice_for_a_small_model_of_few_bits(self):
        law, design = lts.law("kumar2024_ptq"), {"deployed_bits": 3.0}
        floor = float(np.min(law(1e8, np.geomspace(1e8, 1e13, 20001), design)))
        losses = jnp.asarray([floor * 0.999, floor * 1.001])
        given = lts.plan(law, lts.Flops(0.0), loss=losses, params=1e8, design=design)
        assert given.status.tolist() == [lts.Status.UNREACHABLE, lts.Status.OK]
        capped = lts.plan(law, lts.Flops(0.0), loss=losses, max_params=1e8, design=design)
        assert capped.status.tolist() == [lts.Status.UNREACHABLE, lts.Status.OK]

    def test_too_many_params_leave_too_few_samples(self):
        """At a budget per question a loss has a least and a greatest size, and below the best loss none."""
        law = sampled_law().at_budget(1e12)
        params = np.geomspace(1e7, 1e13, 4001)
        floor = float(np.min(law(params, 1e30)))
        losses = jnp.asarray([floor * 0.999, floor * 1.001, floor * 1.2])
        best = lts.plan(law, lts.Flops(1e11), loss=losses)
        assert best.status.tolist() == [lts.Status.UNREACHABLE, lts.Status.OK, lts.Status.OK]
        for row in (1, 2):
            tokens = np.geomspace(1e8, 1e20, 3001)
            total = np.array(lts.Flops(1e11)(params[:, None], tokens))
            total[np.asarray(law(params[:, None], tokens)) > float(losses[row])] = np.inf
            assert float(best.total[row]) <= total.min() * (1 + 1e-12)
            assert float(best.total[row]) > total.min() * 0.9

    def test_plans_pass_smoothly_through_the_last_unique_token(self):
        """More demand moves D through U, where the curvature jumps: plans are continuous, and so are total's slopes."""
        law, unique = lts.law("muennighoff2023"), 100e9
        loss = law(3e9, 100e9, {"unique_tokens": unique})
        demand = jnp.geomspace(1e9, 1e12, 4001)

        def best(demand):
            plan = lts.plan(law, lts.Flops(demand), loss=loss, design={"unique_tokens": unique})
            return plan.tokens, plan.total, plan.status

        (tokens, total, status), (by_tokens, by_total, _) = jax.jvp(best, (demand,), (demand,))
        assert not np.asarray(status).any()
        assert float(tokens[0]) < unique < float(tokens[-1])
        assert (np.diff(tokens) > 0).all()
        ahead = np.diff(np.asarray(total)) / np.diff(np.log(np.asarray(demand)))
        assert np.allclose(ahead, (np.asarray(by_total)[1:] + np.asarray(by_total)[:-1]) / 2, rtol=1e-6)
        slopes = np.asarray(by_tokens) / np.asarray(tokens)
        place = int(np.searchsorted(np.asarray(tokens), unique))
        jump = abs(slopes[place + 1] - slopes[place - 2])
        assert jump > 5 * np.median(np.abs(np.diff(slopes)))  # one-sided there

    def test_below_the_ceiling_of_repeats_there_is_no_plan(self):
        law = lts.law("muennighoff2023")
        floor = law(1e30, 1e30, {"unique_tokens": 1e9})
        losses = floor * jnp.asarray([0.999, 1.01])
        best = lts.plan(law, lts.Flops(1e12), loss=losses, design={"unique_tokens": 1e9})
        assert best.status.tolist() == [lts.Status.UNREACHABLE, lts.Status.OK]

    def test_a_student_beats_no_teacher(self):
        problem = DESIGNED["teacher"]
        best = problem.plan(design={"teacher_loss": jnp.asarray([2.31, 2.25])})
        assert best.status.tolist() == [lts.Status.UNREACHABLE, lts.Status.OK]


class TestBoundsOfTheDesign:
    def test_a_variable_at_its_end_is_said_and_moves_with_it(self):
        problem = DESIGNED["granularity"]

        @jax.jit
        def best(most):
            plan = problem.plan(design={"granularity": lts.Between(1.0, most)})
            return plan.design["granularity"], plan.total, plan.warnings

        (value, _, warnings), (by_most, total_by_most, _) = jax.jvp(best, (jnp.asarray(4.0),), (jnp.asarray(1.0),))
        assert (float(value), float(by_most)) == (4.0, 1.0)
        assert int(warnings) & lts.Warnings.DESIGN_AT_BOUND
        step = 1e-4
        difference = (float(best(jnp.asarray(4 + step))[1]) - float(best(jnp.asarray(4 - step))[1])) / (2 * step)
        assert float(total_by_most) == pytest.approx(difference, rel=1e-5)
        (value, _, warnings), (by_most, _, _) = jax.jvp(best, (jnp.asarray(200.0),), (jnp.asarray(1.0),))
        assert float(value) == pytest.approx(float(solved("granularity")[0]["granularity"][1]), rel=1e-7)
        assert float(by_most) == pytest.approx(0, abs=1e-9)
        assert not int(warnings) & lts.Warnings.DESIGN_AT_BOUND

    def test_messages_say_what_is_outside_by_how_much_and_at_an_end(self):
        problem = DESIGNED["granularity"]
        best = problem.plan(design={"granularity": 64.0})
        assert any("granularity = 64 is 4 times the most that the law was fitted on" in m for m in best.messages())
        least = DESIGNED["aspect ratio"]
        flat = lts.plan(least.law(), lts.Flops(SERVED), loss=2.85, design={"aspect_ratio": lts.Between(8.0, 64.0)})
        assert any("aspect_ratio = 8 is at the end of its range" in message for message in flat.messages())
        assert "aspect_ratio 8, loss" in str(flat)
        assert "a grid of aspect_ratio" in flat.guarantee

    def test_discrete_plans_are_the_only_optimum_of_each_choice(self):
        best = DESIGNED["experts"].plan()
        assert best.is_unique

    def test_the_doors_say_what_is_wrong(self):
        moe, flops = lts.law("ludziejewski2025_moe"), lts.Flops(SERVED)
        cases = [
            (lambda: lts.plan(moe, flops, loss=2.2, design={"granularity": 8}), "no.*variable 'granularity'.*experts"),
            (lambda: lts.plan(lts.law("chinchilla"), flops, loss=2.2, design={"experts": 8}), "there is none"),
            (lambda: lts.plan(lts.law("muennighoff2023"), flops, loss=2.2), "unique_tokens has no range of its own"),
            (lambda: lts.plan(moe, lts.Multiplied(flops, lambda bits: bits), loss=2.2), "bits has no range of its own"),
            (lambda: lts.OneOf(), "leaves nothing to choose from"),
            (lambda: lts.compute_optimal(moe, params=1e9), "a loss only at values of experts"),
            (lambda: lts.Multiplied(flops, lambda bits: bits)(1e9, 1e10), "depends on bits"),
        ]
        for call, message in cases:
            with pytest.raises(ValueError, match=message):
                call()

    def test_own_models_and_their_twins_have_a_design(self):
        law, flops = lts.law("ludziejewski2025_moe"), lts.Flops(SERVED)
        own = lts.price(law, flops, params=2e9, loss=2.2, design={"experts": 8})
        assert float(law(own.params, own.tokens, {"experts": 8})) == pytest.approx(2.2, rel=1e-12)
        least = lts.plan(law, flops, loss=2.2, design={"experts": 8})
        assert float(own.overpay) == pytest.approx(float(own.total / least.total - 1), rel=1e-9)
        twin = lts.compute_optimal(law, loss=2.2, design={"experts": 8})
        assert float(own.baseline.params) == pytest.approx(float(twin.params), rel=1e-12)

    def test_near_a_model_of_ones_own_is_near_the_best(self):
        """An open design is chosen for the model itself, and anew for the best and for what is near that."""
        problem = DESIGNED["granularity"]
        own = lts.price(problem.law(), problem.cost(), params=5e9, loss=2.3)
        best = lts.plan(problem.law(), problem.cost(), loss=2.3)
        ends = own.near(0.01)
        for end in (ends.smallest, ends.largest):
            assert float(end.loss) == pytest.approx(2.3, rel=1e-9)
            assert float(end.total / best.total) == pytest.approx(1.01, rel=1e-6)

    def test_the_best_of_a_confined_law_is_within_its_box(self):
        law = lts.law("farseer2025")
        own = lts.price(law, lts.Flops(0.0), params=6e9, tokens=1e11)
        assert float(own.best.params) <= float(law.fitted.params[1])
        assert lts.price(law, lts.Flops(0.0), params=6e9, tokens=5e12).best.status == lts.Status.UNREACHABLE

    def test_ranges_may_begin_below_0(self):
        law = lts.FunctionLaw(shifted, {"E": 1.7}, design={"shift": lts.Between(-1.0, 1.0)})
        best = lts.plan(law, lts.Flops(1e11), loss=2.3)
        assert float(best.design["shift"]) == pytest.approx(-0.5, abs=1e-6)

    def test_a_cost_that_makes_basins_is_searched_from_several_starts(self):
        """The law claims one basin, and the cost, which claims nothing, has three."""
        cost = DESIGNED["samples"].cost() + lts.FunctionCost(waves, {"price": 1e21}, unit="FLOP")
        best = lts.plan(sampled_law(), cost, loss=1.0, design={"samples": lts.Between(1.0, 100.0)})
        given = lts.plan(sampled_law(), cost, loss=1.0, design={"samples": jnp.geomspace(1.0, 100.0, 401)})
        assert float(best.total) <= float(np.nanmin(given.total)) * (1 + 1e-9)

    def test_designs_outside_their_domain_are_invalid(self):
        cases = [("abnar2025_sparsity", "sparsity", [-0.5, 1.0, 1.5]), ("kumar2024_ptq", "deployed_bits", [0.0, -1.0]),
                 ("muennighoff2023", "unique_tokens", [-1.0, 0.0, jnp.nan])]  # fmt: skip
        for name, variable, values in cases:
            wrong = lts.plan(lts.law(name), lts.Flops(1e12), loss=2.9, design={variable: jnp.asarray(values)})
            assert wrong.status.tolist() == [lts.Status.INVALID] * len(values), name

    def test_a_function_with_defaults_brings_no_variables(self):
        cost = lts.FunctionCost(priced, unit="FLOP")
        assert cost.needs == frozenset()
        assert float(cost(1e9, 2e9)) == 4e9


def shifted(N, D, E, shift):
    return E + 0.2 * (shift + 0.5) ** 2 + 400 / N**0.34 + 2000 / D**0.37


def waves(N, D, price, samples):
    return price * (1.2 + jnp.sin(3 * jnp.log(samples))) + 0 * D


def priced(N, D, price=2.0):
    return price * D


class TestCostsOfADesign:
    def test_total_params_of_active_ones(self):
        """2 d V + (4 + 9 E) L d^2 beside 2 d V + 13 L d^2 with d = 64 L, at 20 layers."""
        layers, vocabulary = 20.0, 50257.0
        width = 64 * layers
        active = 2 * width * vocabulary + 13 * layers * width**2
        for experts in (1.0, 8.0, 32.0):
            total = 2 * width * vocabulary + (4 + 9 * experts) * layers * width**2
            assert float(lts.AllExperts()(jnp.asarray(active), jnp.asarray(experts))) == pytest.approx(total, rel=1e-13)

    def test_flops_of_fine_grained_experts_are_the_papers(self):
        """Krajewski et al. 2024, table 2, from 64 x 100M to 64 x 70B."""
        cost = lts.Resized(lts.Flops(0.0), lts.RoutedParams())
        for params, tokens, granularity, flops in ((1e8, 4.37e9, 8, 2.95e18), (1e9, 28.94e9, 16, 1.93e20),
                                                   (7e10, 941.07e9, 32, 4.16e23)):  # fmt: skip
            assert float(cost(43 * params, tokens, {"granularity": granularity})) == pytest.approx(flops, rel=5e-3)

    def test_attention_is_the_count_of_deepseek(self):
        """M = 72 L d^2 + 12 L d T of 12 L d^2 params."""
        shape = lts.Shape(30, 4096, 30 * 2 * 4096)
        count = lts.WithAttention(4096.0, shape)(jnp.asarray(12 * 30 * 4096.0**2))
        assert float(6 * count) == pytest.approx(72 * 30 * 4096**2 + 12 * 30 * 4096 * 4096, rel=1e-14)

    def test_a_teacher_of_ones_own_is_a_plan_that_serves_the_student(self):
        law = lts.law("busbridge2025_supervised")
        cost = lts.OwnTeacher(law)(1e9, jnp.asarray([1e10, 1e12]), {"teacher_loss": 2.1})
        teacher = lts.plan(law, lts.Flops(jnp.asarray([1e10, 1e12])), loss=2.1)
        assert np.asarray(cost) == pytest.approx(np.asarray(teacher.total), rel=1e-12)

    def test_a_factor_of_one_phase(self):
        cost = lts.Multiplied(lts.Flops(1e12), lambda samples: samples, phase="serving")
        priced = lts.price(lts.law("chinchilla"), cost, params=1e9, tokens=1e10, design={"samples": 5.0})
        assert float(priced.training) == pytest.approx(6e19)
        assert float(priced.serving) == pytest.approx(1e22)
        assert {name: float(part) for name, part in priced.parts.items()} == {"training": 6e19, "serving": 1e22}

    def test_suited_costs(self):
        flops = lts.Flops(1e12)
        for name, design, ratio in (
            ("abnar2025_sparsity", {"sparsity": 0.9}, 0.1),
            ("kumar2024_precision", {"weight_bits": 8, "activation_bits": 4, "cache_bits": 12}, 0.5),
            ("ludziejewski2025_moe", {"experts": 8}, 1.0),
        ):
            suited = lts.suited_cost(lts.law(name), flops)
            assert float(suited(1e9, 1e10, design if suited.needs else None)) == pytest.approx(
                ratio * float(flops(1e9, 1e10))
            )
        with pytest.raises(ValueError, match="a teacher is counted in FLOP and this cost is in USD"):
            lts.suited_cost(lts.law("busbridge2025_distillation"), lts.Training(lts.chip("h100")))
