"""Planning: (law, cost, target) -> Plan. Exact where the classes of law and cost allow it, general elsewhere."""

from lifetimescale.planning.alternatives import Cheapest as Cheapest
from lifetimescale.planning.alternatives import cheapest as cheapest
from lifetimescale.planning.plan import NearOptimal as NearOptimal
from lifetimescale.planning.plan import Plan as Plan
from lifetimescale.planning.plan import break_even as break_even
from lifetimescale.planning.plan import compute_optimal as compute_optimal
from lifetimescale.planning.plan import plan as plan
from lifetimescale.planning.plan import price as price
from lifetimescale.planning.suited import suited_cost as suited_cost
from lifetimescale.planning.teacher import OwnTeacher as OwnTeacher
