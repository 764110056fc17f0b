-- Counts jobs that the broker has accepted. Those that are known by name are kept until their ends come, so that one whose
-- message is lost can be published again.
-- ARGV: ttl in seconds, created in ms, whether the label is known (0|1), label, how many jobs, then for each that is known
-- by name: job, what is needed to publish it
-- Returns: whether the batch is cancelled (0|1), whether Redis has lost data of it since the last call (0|1)
local lost = make_whole(ARGV[2], ARGV[3] == '1' and ARGV[4])
redis.call('HINCRBY', BATCH, 'accepted', ARGV[5])
for i = 6, #ARGV, 2 do
  -- A worker may have been faster than the producer.
  if redis.call('HEXISTS', JOBS, ARGV[i]) == 0 then redis.call('HSET', OPEN, ARGV[i], ARGV[i + 1]) end
end
note_time('changed_ms')
keep(ARGV[1])
return { redis.call('HEXISTS', BATCH, 'cancelled'), lost }
