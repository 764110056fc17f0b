-- Takes charge of jobs whose ends another retry took back some time ago, without getting to publish them.
-- ARGV: retry, how many seconds ago at least, how many at most
-- Returns the ends as they were stored.
local ends = {}
local now = tonumber(redis.call('TIME')[1])
for _, job in ipairs(redis.call('HKEYS', UNPUBLISHED)) do
  local owner, since = redis.call('HGET', UNPUBLISHED, job):match('^(%S+) (%d+)$')
  local stored = redis.call('HGET', WITHDRAWN, job)
  if owner ~= ARGV[1] and stored and now - since >= tonumber(ARGV[2]) and #ends < tonumber(ARGV[3]) then
    redis.call('HSET', UNPUBLISHED, job, ARGV[1] .. ' ' .. now)
    ends[#ends + 1] = stored
  end
end
return ends
