#!/usr/bin/env python3
"""Publishes every file below FOLDER, waits until all have ended, and prints a line of JSON for each of them.

    pip install -r requirements.txt
    AMQP_URL=amqp://… REDIS_URL=redis://… python3 submit.py ROOT FOLDER

ROOT is the name that the workers' MEDIA_ROOTS gives to FOLDER. ../protocol.md explains every name that is used here."""
import json, os, pathlib, sys, time, uuid
import msgpack, pika, redis

root, folder = sys.argv[1], pathlib.Path(sys.argv[2])
prefix, ttl = os.environ.get("QUEUE_PREFIX", "analysis"), 30 * 24 * 3600
store = redis.Redis.from_url(os.environ["REDIS_URL"])
connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()  # basic_publish returns when the broker has the message, and raises when it has not

# The batch comes first, so that no job ends before its batch is there.
batch, now = uuid.uuid4(), int(time.time() * 1000)
key = f"{prefix}:batch:{{{batch}}}"
store.hset(key, mapping={"label": "from Python", "created_ms": now})
store.expire(key, ttl)
store.zadd(f"{prefix}:batches", {str(batch): now})

accepted = 0
for path in sorted(path for path in folder.rglob("*") if path.is_file()):
    job = uuid.uuid4()
    message = {"schema": "analysis.job", "schema_version": 1, "job_id": job.bytes, "batch_id": batch.bytes, "priority": 1,
               "file": {"root": root, "path": os.fsencode(path.relative_to(folder))}, "submitted_at_ms": now}
    properties = pika.BasicProperties(delivery_mode=2, content_type="application/msgpack", type="analysis.job",
                                      message_id=str(job), correlation_id=str(batch))
    while True:
        try:
            channel.basic_publish(prefix, "normal", msgpack.packb(message), properties, mandatory=True)
            break
        except pika.exceptions.NackError:  # the queue is full: the message is not in it
            connection.sleep(1)
    accepted += 1
store.hset(key, mapping={"accepted": accepted, "sealed": 1})
connection.close()

last, ended = "0-0", 0
while ended < accepted:  # one entry of the stream for each job that has ended, in their order
    for _, entries in store.xread({f"{key}:events": last}, count=100, block=1000):
        for last, fields in entries:
            end = msgpack.unpackb(fields[b"end"])
            record, ended = end["record"], ended + 1
            known = record["identity"] and store.get(f"{prefix}:report:{record['identity']}:{record['profile']}")
            record["report"] = known and msgpack.unpackb(known)["report"] | {"tags": end["tags"]}
            print(json.dumps(record, default=lambda data: data.hex()))  # ids and lists of small numbers are bytes
