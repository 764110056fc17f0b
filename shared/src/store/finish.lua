-- Records the ends of jobs of one batch, each at most once: the first end wins, a repeated one changes nothing.
-- ARGV: ttl in seconds, created in ms, then for each end: job, outcome, kind or '', cached (0|1), audio in ms, bytes, stored end
-- Returns for each end 1 if it is the one that is stored, and 0 if the job has another.
local stored = {}
local retried = redis.call('EXISTS', WITHDRAWN) == 1
make_whole(ARGV[2])
for i = 3, #ARGV, 7 do
  local job = ARGV[i]
  local event = redis.call('HGET', JOBS, job)
  if event then
    -- The very same end again is a writer that did not hear our answer the first time.
    local entry = redis.call('XRANGE', EVENTS, event, event)[1]
    stored[#stored + 1] = (entry and entry[2][2] == ARGV[i + 6]) and 1 or 0
  elseif retried and redis.call('HGET', WITHDRAWN, job) == ARGV[i + 6] then
    -- Such a writer too, but a retry has taken the end back meanwhile: it must not come back as that of the new try.
    stored[#stored + 1] = 0
  else
    record_end(job, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
    stored[#stored + 1] = 1
    if retried and redis.call('HDEL', UNPUBLISHED, job) == 1 then redis.call('HINCRBY', BATCH, 'retrying', -1) end
  end
  redis.call('HDEL', STARTS, job)
end
-- Of a batch that a cancellation closed nobody knows exactly how many were accepted; as many as have ended, at least.
if redis.call('HEXISTS', BATCH, 'orphan') == 1 then
  local ended = redis.call('HLEN', JOBS)
  if ended > tonumber(redis.call('HGET', BATCH, 'accepted') or 0) then
    redis.call('HSET', BATCH, 'accepted', ended)
  end
end
note_time('changed_ms')
keep(ARGV[1])
return stored
