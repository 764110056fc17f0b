-- Gives jobs back the ends that a retry took, because the broker did not want the jobs now.
-- ARGV: ttl in seconds, retry, then for each end: job, outcome, kind or '', bytes
-- Returns how many have their old end again; of the others another retry has taken charge, or they have ended.
local restored = 0
for i = 3, #ARGV, 4 do
  local job = ARGV[i]
  local charge = redis.call('HGET', UNPUBLISHED, job)
  local stored = charge and charge:match('^%S+') == ARGV[2] and redis.call('HGET', WITHDRAWN, job)
  if stored then
    redis.call('HDEL', UNPUBLISHED, job)
    redis.call('HDEL', WITHDRAWN, job)
    redis.call('HINCRBY', BATCH, 'retrying', -1)
    record_end(job, ARGV[i + 1], ARGV[i + 2], 0, 0, ARGV[i + 3], stored)
    restored = restored + 1
  end
end
keep(ARGV[1])
return restored
