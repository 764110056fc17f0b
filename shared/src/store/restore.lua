-- Gives jobs back the ends that a retry took, because the broker did not want the jobs now.
-- KEYS: batch, jobs, events, failures, withdrawn, unpublished
-- ARGV: ttl in seconds, retry, then for each end: job, outcome, kind or '', bytes
-- Returns how many have their old end again; of the others another retry has taken charge, or they have ended.
local restored = 0
for i = 3, #ARGV, 4 do
  local job = ARGV[i]
  local charge = redis.call('HGET', KEYS[6], job)
  local stored = charge and charge:match('^%S+') == ARGV[2] and redis.call('HGET', KEYS[5], job)
  if stored then
    redis.call('HDEL', KEYS[6], job)
    redis.call('HDEL', KEYS[5], job)
    redis.call('HINCRBY', KEYS[1], 'retrying', -1)
    record_end(KEYS[1], KEYS[2], KEYS[3], KEYS[4], job, ARGV[i + 1], ARGV[i + 2], 0, 0, ARGV[i + 3], stored)
    restored = restored + 1
  end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return restored
