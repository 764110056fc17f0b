-- Takes back the ends of jobs of one batch, so that the jobs can be published again. Until that is confirmed each is
-- kept as unpublished by this retry: whoever dies in between leaves it there for the next one.
-- KEYS: batch, jobs, events, failures, withdrawn, unpublished, spared
-- ARGV: ttl in seconds, retry, then for each end: job, event, outcome, kind or '', bytes
-- Returns for each end 1 if it was taken back, and 0 if the job has another end by now, or none.
local taken = {}
-- Who has charge, and since when.
local charge = ARGV[2] .. ' ' .. redis.call('TIME')[1]
local cancelled = redis.call('HEXISTS', KEYS[1], 'cancelled') == 1
for i = 3, #ARGV, 5 do
  local job, event = ARGV[i], ARGV[i + 1]
  local entry = redis.call('HGET', KEYS[2], job) == event and redis.call('XRANGE', KEYS[3], event, event)[1]
  if entry then
    redis.call('HSET', KEYS[5], job, entry[2][2])
    redis.call('HSET', KEYS[6], job, charge)
    redis.call('HINCRBY', KEYS[1], 'retrying', 1)
    if cancelled then redis.call('SADD', KEYS[7], job) end
    redis.call('HDEL', KEYS[2], job)
    redis.call('XDEL', KEYS[3], event)
    redis.call('ZREM', KEYS[4], event)
    redis.call('HINCRBY', KEYS[1], 'outcome:' .. ARGV[i + 2], -1)
    if ARGV[i + 3] ~= '' and redis.call('HINCRBY', KEYS[1], 'kind:' .. ARGV[i + 3], -1) <= 0 then
      redis.call('HDEL', KEYS[1], 'kind:' .. ARGV[i + 3])
    end
    -- Not its negation: that of 0 is -0, which Redis does not take for an integer.
    redis.call('HINCRBY', KEYS[1], 'bytes', 0 - ARGV[i + 4])
  end
  taken[#taken + 1] = entry and 1 or 0
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return taken
