"""Traffic: requests per year over a model's life, and what the life is worth in today's money."""

from lifetimescale.traffic.base import AbstractTraffic as AbstractTraffic
from lifetimescale.traffic.curves import ExponentialTraffic as ExponentialTraffic
from lifetimescale.traffic.curves import LogisticTraffic as LogisticTraffic
from lifetimescale.traffic.curves import TrafficTable as TrafficTable
from lifetimescale.traffic.read import read_traffic as read_traffic
