-- Counts a start of a job, unless its batch is cancelled and the job was not retried since.
-- KEYS: starts, batch, spared
-- ARGV: job
-- Returns the starts without an end, or -1 for a job that is not to be started.
if redis.call('HEXISTS', KEYS[2], 'cancelled') == 1 and redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 0 then
  return -1
end
local starts = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
if starts < 1 then
  -- A start that was never counted, since Redis was away, has been taken back: this one is the first.
  redis.call('HSET', KEYS[1], ARGV[1], 1)
  return 1
end
return starts
