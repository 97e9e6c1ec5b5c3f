"""The command line: `lifetimescale plan | sensitivity | sweep | model | fit | laws | chips | page | figures`.

JAX is imported by what computes, not by `--help`.
"""

import sys
from collections.abc import Sequence

import cyclopts

from lifetimescale.cli.catalog import chips, laws
from lifetimescale.cli.figures import figures
from lifetimescale.cli.fit import fit
from lifetimescale.cli.model import model
from lifetimescale.cli.options import InputError, NoPlanError, StoppedError
from lifetimescale.cli.page import page
from lifetimescale.cli.plan import plan
from lifetimescale.cli.sensitivity import sensitivity
from lifetimescale.cli.sweep import sweep

app = cyclopts.App(
    name="lifetimescale",
    help="How big to make a language model and how long to train it, for the loss and the use it is meant for.",
    help_epilogue="Numbers may be written 13B, 2T, 1e12 or 50%. Exit codes: 0 done, 1 stopped before the "
    "end, 2 wrong input, 3 no plan exists.",
)
for command in (plan, sensitivity, sweep, model, fit, laws, chips, page, figures):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command, and exit with 1, 2 or 3 where it stops, the input is wrong or no plan exists, and one sentence.

    Args:
        arguments: the words after the program's name; those of the process by default.
    """
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (cyclopts.CycloptsError, InputError) as error:
        _leave(2, str(error))
    except NoPlanError as error:
        _leave(3, str(error))
    except StoppedError as error:
        _leave(1, str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has seen enough


def _leave(code: int, message: str) -> None:
    print(f"lifetimescale: {message}", file=sys.stderr)
    raise SystemExit(code)
