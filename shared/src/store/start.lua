-- Counts a start of a job, unless its batch is cancelled and the job was not retried since.
-- KEYS: starts, batch, spared
-- ARGV: job
-- Returns the starts without an end, or -1 for a job that is not to be started.
if redis.call('HEXISTS', KEYS[2], 'cancelled') == 1 and redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 0 then
  return -1
end
return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
