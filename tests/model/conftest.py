"""Being here puts this folder on the path: every test below can import ``fields``."""

import os

# Tiny tensors gain nothing from threads, and threads that wait for each other on a busy machine
# cost minutes. Read once, when torch is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
