"""The calculator page: one static HTML file that plans without a network, its theory held to `spend` by the tests."""

from lifetimescale.page.assembling import calculator as calculator
