-- Counts starts of jobs of one batch, each unless the batch is cancelled and the job was not retried since.
-- ARGV: ttl in seconds, jobs
-- Returns for each job its starts without an end, or -1 if it is not to be started.
local cancelled = redis.call('HEXISTS', BATCH, 'cancelled') == 1
local counts = {}
for i = 2, #ARGV do
  local job, count = ARGV[i], 1
  if cancelled and redis.call('SISMEMBER', SPARED, job) == 0 then
    count = -1
  elseif redis.call('HEXISTS', JOBS, job) == 0 then
    -- The start of a job that has its end already is not kept: a later retry of the job must not begin with it.
    count = redis.call('HINCRBY', STARTS, job, 1)
    if count < 1 then
      -- An older version takes a start back that was never counted: this one is the first.
      redis.call('HSET', STARTS, job, 1)
      count = 1
    end
  end
  counts[#counts + 1] = count
end
-- Each end sets the time anew.
if redis.call('TTL', STARTS) == -1 then redis.call('EXPIRE', STARTS, seconds_to_keep(tonumber(ARGV[1]))) end
return counts
