"""Being here puts this folder on the path: every test below can import ``tiny``.

Property tests draw the same examples on every machine, however slow it is, so that what passes
here passes there; ``pytest --hypothesis-profile=search`` looks for new ones.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", UNHURRIED)
settings.register_profile("steady", UNHURRIED, derandomize=True)
settings.load_profile("steady")
