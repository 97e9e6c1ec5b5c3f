"""From options to a law; with `start`, the one door to JAX."""

import os
import pathlib

from lifetimescale.cli.design import NamedLaw, build_design
from lifetimescale.cli.options import InputError, LawOptions


def start() -> None:
    """Set JAX up for a command: float64, and compiled programs kept between runs."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache / "lifetimescale" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def build_law(options: LawOptions) -> NamedLaw:
    """The law and its name, with what was replaced in it, and its design."""
    import equinox as eqx
    import jax.numpy as jnp

    law = _load_law(options.name) if options.name.endswith(".json") else _published_law(options.name)
    for name, value in options.replaced().items():
        if name not in law.__dataclass_fields__:
            raise InputError(f"--{name}: {options.name} has no coefficient {name}; its own are given with the law")
        law = eqx.tree_at(lambda law, name=name: getattr(law, name), law, jnp.asarray(value))
    name = ", ".join([options.name, *(f"{name}={value:g}" for name, value in options.replaced().items())])
    return NamedLaw(law, name, build_design(law, options.name, options.design))


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
