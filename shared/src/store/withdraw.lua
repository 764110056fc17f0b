-- Takes back the ends of jobs of one batch, so that the jobs can be published again. Until that is confirmed each is
-- kept as unpublished by this retry: whoever dies in between leaves it there for the next one.
-- ARGV: ttl in seconds, retry, then for each end: job, event, outcome, kind or '', bytes
-- Returns for each end 1 if it was taken back, and 0 if the job has another end by now, or none.
local taken = {}
-- Who has charge, and since when.
local charge = ARGV[2] .. ' ' .. redis.call('TIME')[1]
local cancelled = redis.call('HEXISTS', BATCH, 'cancelled') == 1
for i = 3, #ARGV, 5 do
  local job, event = ARGV[i], ARGV[i + 1]
  local entry = redis.call('HGET', JOBS, job) == event and redis.call('XRANGE', EVENTS, event, event)[1]
  if entry then
    redis.call('HSET', WITHDRAWN, job, entry[2][2])
    redis.call('HSET', UNPUBLISHED, job, charge)
    redis.call('HINCRBY', BATCH, 'retrying', 1)
    if cancelled then redis.call('SADD', SPARED, job) end
    redis.call('HDEL', JOBS, job)
    redis.call('XDEL', EVENTS, event)
    redis.call('ZREM', FAILURES, event)
    redis.call('HINCRBY', BATCH, 'outcome:' .. ARGV[i + 2], -1)
    if ARGV[i + 3] ~= '' and redis.call('HINCRBY', BATCH, 'kind:' .. ARGV[i + 3], -1) <= 0 then
      redis.call('HDEL', BATCH, 'kind:' .. ARGV[i + 3])
    end
    -- Not its negation: that of 0 is -0, which Redis does not take for an integer.
    redis.call('HINCRBY', BATCH, 'bytes', 0 - ARGV[i + 4])
  end
  taken[#taken + 1] = entry and 1 or 0
end
note_time('changed_ms')
keep(ARGV[1])
return taken
