"""How Sphinx builds the documentation: every cell is executed, and nothing is fetched."""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
BUILD = HERE.parent / "build"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
sys.path.insert(0, str(HERE / "_ext"))

from cells import executable  # noqa: E402, as the folder is on the path only now

# The kernel is that of this environment, with settings of its own and none of a user's home.
PROFILE = BUILD / "ipython" / "profile_default"
PROFILE.mkdir(parents=True, exist_ok=True)
(PROFILE / "ipython_kernel_config.py").write_text("""
c.IPKernelApp.log_level = "ERROR"
c.IPKernelApp.matplotlib = "inline"
c.InlineBackend.figure_formats = {"svg"}
c.HistoryManager.enabled = False
""")
os.environ |= {
    "COLUMNS": "88",
    "IPYTHONDIR": str(BUILD / "ipython"),
    "JAX_COMPILATION_CACHE_DIR": str(CACHE / "lifetimescale" / "tests"),  # as in tests/conftest.py
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
    "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]),
}

project = "lifetimescale"
author = "the lifetimescale authors"
copyright = "the lifetimescale authors, Apache-2.0"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "docstrings",
    "mathml",
]
exclude_patterns = ["_ext", "laws_of_others.toml"]
nitpicky = True
smartquotes = False  # --flags keep their hyphens

nb_custom_formats = {".md": ["cells.notebook", {}, False]}
nb_execution_mode = "force"
nb_execution_excludepatterns = [
    str(page.relative_to(HERE)) for page in HERE.rglob("*.md") if not executable(page.read_text(encoding="utf-8"))
]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_render_markdown_format = "myst"

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_allow_space = False  # $5 is a price
myst_dmath_allow_digits = False

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "lifetimescale"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["lifetimescale.css"]
html_copy_source = False
html_show_sphinx = False
