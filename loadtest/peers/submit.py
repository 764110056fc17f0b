"""Sends the files named on the command line to be analysed, waits for all results, and prints how long that took."""

import json
import sys
import time

from peer_tasks import analyze

WITHIN = 900  # seconds; a task that takes longer will not end

wall, cpu = time.perf_counter(), time.process_time()
results = [analyze.apply_async((path,)) for path in sys.argv[1:]]
found = [result.get(timeout=WITHIN) for result in results]
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"operations": len(found), "seconds": wall, "cpu_seconds": cpu, "found": found}))
