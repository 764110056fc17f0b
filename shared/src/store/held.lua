-- Notes that a worker holds jobs of the batch. A batch without a hash gets none: its first end makes one.
-- ARGV: ttl in seconds
if redis.call('EXISTS', BATCH) == 0 then return 0 end
note_time('held_ms')
keep(ARGV[1])
return 1
