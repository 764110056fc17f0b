-- Counts starts of jobs of one batch, each unless the batch is cancelled and the job was not retried since.
-- KEYS: starts, batch, spared
-- ARGV: the jobs
-- Returns for each job its starts without an end, or -1 if it is not to be started.
local cancelled = redis.call('HEXISTS', KEYS[2], 'cancelled') == 1
local counts = {}
for i, job in ipairs(ARGV) do
  if cancelled and redis.call('SISMEMBER', KEYS[3], job) == 0 then
    counts[i] = -1
  else
    counts[i] = redis.call('HINCRBY', KEYS[1], job, 1)
    if counts[i] < 1 then
      -- A start that was never counted, since Redis was away, has been taken back: this one is the first.
      redis.call('HSET', KEYS[1], job, 1)
      counts[i] = 1
    end
  end
end
return counts
