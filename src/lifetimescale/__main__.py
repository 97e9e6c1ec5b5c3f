"""`python -m lifetimescale`."""

from lifetimescale.cli import main

main()
