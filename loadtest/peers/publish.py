"""Publishes N tasks that do nothing, and prints how long that took. Without a result backend here: then nothing is subscribed for each
task, which is Celery at its fastest."""

import json
import sys
import time

from peer_tasks import app, noop

count = int(sys.argv[1])
with app.producer_or_acquire() as producer:
    noop.apply_async((0,), producer=producer)  # connects
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(1, count):
        noop.apply_async((number,), producer=producer)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"operations": count - 1, "seconds": wall, "cpu_seconds": cpu}))
