"""The conformance kit: cases as data and laws that hold for every carrier, for our carriers and for others.

from emberline.conformance import check
check(CARRIERS["beacon"], read_cases(Path("beacon.cases.yaml")))
"""

from emberline.conformance.cases import Case, CasesError, read_cases
from emberline.conformance.kit import Broken, check, check_mutations
from emberline.conformance.puller_kit import check_puller

__all__ = ["Broken", "Case", "CasesError", "check", "check_mutations", "check_puller", "read_cases"]
