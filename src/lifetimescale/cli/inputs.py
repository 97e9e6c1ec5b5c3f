"""From options to a law and a cost; with `start`, the one door to JAX."""

import os
import pathlib

from lifetimescale.cli.options import CostOptions, InputError, LawOptions

# Sardana et al. 2024 (arXiv:2401.00448), section 5.
PROMPT, OUTPUT = 70.0, 215.0
TRAIN_CHIP, TRAIN_PRECISION, TRAIN_MFU = "a100-80gb", "bf16", 0.5
SERVE_CHIP, SERVE_PRECISION, PREFILL_MFU, DECODE_MFU = "a100-40gb", "int8", 0.5, 0.01


def start() -> None:
    """Set JAX up for a command: float64, and compiled programs kept between runs."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache / "lifetimescale" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def build_law(options: LawOptions):
    """The law and its name, with what was replaced in it."""
    import equinox as eqx
    import jax.numpy as jnp

    law = _load_law(options.law) if options.law.endswith(".json") else _published_law(options.law)
    for name, value in options.replaced().items():
        if name not in law.__dataclass_fields__:
            raise InputError(f"--{name}: {options.law} has no coefficient {name}; its own are given with the law")
        law = eqx.tree_at(lambda law, name=name: getattr(law, name), law, jnp.asarray(value))
    return law, ", ".join([options.law, *(f"{name}={value:g}" for name, value in options.replaced().items())])


def _published_law(name: str):
    from lifetimescale import presets

    try:
        return presets.law(name)
    except ValueError as error:
        raise InputError(f"--law: {error}") from None


def _load_law(path: str):
    from lifetimescale.laws import AbstractLaw

    law = _load("--law", path)
    if not isinstance(law, AbstractLaw):
        raise InputError(f"--law: {path} is a score map: give it by --score-map, and a law here")
    return law


def load_score_map(path: str):
    """The score map of a file."""
    from lifetimescale.scores import AbstractScore

    score_map = _load("--score-map", path)
    if not isinstance(score_map, AbstractScore):
        raise InputError(f"--score-map: {path} is a law: give it by --law, and a score map here")
    return score_map


def _load(flag: str, path: str):
    from lifetimescale import presets

    try:
        return presets.load(path)
    except ValueError as error:
        raise InputError(f"{flag}: {error}") from None


def build_cost(options: CostOptions):
    """The cost."""
    from lifetimescale.costs import FixedUtilization, Flops, Training

    demand = _demand(options)
    if not options.in_dollars():
        _unused_chips(options)
        return Flops(inference_tokens=demand.tokens)
    train_chip = _chip("train", options.train_chip or TRAIN_CHIP, options.train_price)
    serve_chip = _chip("serve", options.serve_chip or SERVE_CHIP, options.serve_price)
    train_precision = options.train_precision or TRAIN_PRECISION
    serve_precision = options.serve_precision or SERVE_PRECISION
    _check_precision("train", options.train_chip or TRAIN_CHIP, train_precision)
    _check_precision("serve", options.serve_chip or SERVE_CHIP, serve_precision)
    serving = FixedUtilization(
        serve_chip,
        demand=demand,
        precision=serve_precision,
        prefill=options.prefill_mfu or PREFILL_MFU,
        decode=options.decode_mfu or DECODE_MFU,
    )
    return Training(train_chip, options.train_mfu or TRAIN_MFU, train_precision) + serving


def _demand(options: CostOptions):
    from lifetimescale.costs import Demand

    prompt = PROMPT if options.prompt is None else options.prompt
    output = OUTPUT if options.output is None else options.output
    if options.requests is not None:
        if options.inference_tokens is not None:
            raise InputError("--requests and --inference-tokens both say how much is served: give one of them")
        return Demand(options.requests, prompt, output)
    if prompt + output == 0:
        raise InputError("--prompt and --output are both 0: a request has at least one token")
    return Demand.of_tokens(options.inference_tokens or 0.0, prompt=prompt, output=output)


def _unused_chips(options: CostOptions) -> None:
    """Names are checked even where the cost counts FLOPs and has no use for them."""
    for side, name, price in (
        ("train", options.train_chip, options.train_price),
        ("serve", options.serve_chip, options.serve_price),
    ):
        if name is not None:
            _chip(side, name, price or 1.0)


def _chip(side: str, name: str, price: float | None):
    from lifetimescale import presets

    try:
        return presets.chip(name, price=price)
    except ValueError as error:
        if name in presets.chip_presets():
            raise InputError(f"chip {name} has no default price: give --{side}-price in dollars per hour") from None
        raise InputError(f"--{side}-chip: {error}") from None


def _check_precision(side: str, name: str, precision: str) -> None:
    from lifetimescale import presets

    peaks = presets.chip_presets()[name].peak
    if precision not in peaks:
        raise InputError(f"chip {name} has no {precision}: give --{side}-precision {' or '.join(peaks)}")
