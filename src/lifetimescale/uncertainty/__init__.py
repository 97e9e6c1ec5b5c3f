"""Decisions before the law, the demand and the prices are known: draws, risks, regret, and what to learn next."""

from lifetimescale.uncertainty.deciding import decide as decide
from lifetimescale.uncertainty.decision import Decision as Decision
from lifetimescale.uncertainty.decision import judge as judge
from lifetimescale.uncertainty.forecasts import Forecasts as Forecasts
from lifetimescale.uncertainty.forecasts import read_forecasts as read_forecasts
from lifetimescale.uncertainty.futures import Futures as Futures
from lifetimescale.uncertainty.information import Knowledge as Knowledge
from lifetimescale.uncertainty.information import value_of_knowing as value_of_knowing
from lifetimescale.uncertainty.laws import law_draws as law_draws
from lifetimescale.uncertainty.next_run import NextRun as NextRun
from lifetimescale.uncertainty.next_run import next_run as next_run
from lifetimescale.uncertainty.next_run import value_of_runs as value_of_runs
from lifetimescale.uncertainty.outcome import Shortfall as Shortfall
from lifetimescale.uncertainty.risk import AbstractRisk as AbstractRisk
from lifetimescale.uncertainty.risk import CVaR as CVaR
from lifetimescale.uncertainty.risk import Mean as Mean
from lifetimescale.uncertainty.risk import WorstRegret as WorstRegret
