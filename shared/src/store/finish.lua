-- Records the ends of jobs of one batch, each at most once: the first end wins, a repeated one changes nothing.
-- KEYS: batch, jobs, events, failures, starts, withdrawn, unpublished
-- ARGV: ttl in seconds, then for each end: job, outcome, kind or '', cached (0|1), audio in ms, bytes, stored end
-- Returns for each end 1 if it is the one that is stored, and 0 if the job has another.
local stored = {}
local retried = redis.call('EXISTS', KEYS[6]) == 1
for i = 2, #ARGV, 7 do
  local job = ARGV[i]
  local event = redis.call('HGET', KEYS[2], job)
  if event then
    -- The very same end again is a writer that did not hear our answer the first time.
    local entry = redis.call('XRANGE', KEYS[3], event, event)[1]
    stored[#stored + 1] = (entry and entry[2][2] == ARGV[i + 6]) and 1 or 0
  elseif retried and redis.call('HGET', KEYS[6], job) == ARGV[i + 6] then
    -- Such a writer too, but a retry has taken the end back meanwhile: it must not come back as that of the new try.
    stored[#stored + 1] = 0
  else
    record_end(KEYS[1], KEYS[2], KEYS[3], KEYS[4], job, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
      ARGV[i + 5], ARGV[i + 6])
    stored[#stored + 1] = 1
    if retried and redis.call('HDEL', KEYS[7], job) == 1 then redis.call('HINCRBY', KEYS[1], 'retrying', -1) end
  end
  redis.call('HDEL', KEYS[5], job)
end
-- Of a batch that a cancellation closed nobody knows exactly how many were accepted; as many as have ended, at least.
if redis.call('HEXISTS', KEYS[1], 'orphan') == 1 then
  local ended = redis.call('HLEN', KEYS[2])
  if ended > tonumber(redis.call('HGET', KEYS[1], 'accepted') or 0) then
    redis.call('HSET', KEYS[1], 'accepted', ended)
  end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return stored
