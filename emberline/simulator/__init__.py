"""A simulated company: its groups, its members, its shop, the stream of events they make, and the truth behind it.

All ids are made up and say so; every source begins with `simulator/`.
"""

from emberline.simulator.scenario import Scenario, ScenarioError
from emberline.simulator.simulate import simulate
from emberline.simulator.world import Truth, World

__all__ = ["Scenario", "ScenarioError", "Truth", "World", "simulate"]
