-- Records the ends of jobs of one batch, each at most once: the first end wins, a repeated one changes nothing.
-- KEYS: batch, jobs, events, failures, starts
-- ARGV: ttl in seconds, then for each end: job, outcome, kind or '', cached (0|1), audio in ms, bytes, stored end
-- Returns for each end 1 if it is the one that is stored, and 0 if the job has another.
local stored = {}
for i = 2, #ARGV, 7 do
  local job, outcome, kind = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local event = redis.call('HGET', KEYS[2], job)
  if event then
    -- The very same end again is a writer that did not hear our answer the first time.
    local entry = redis.call('XRANGE', KEYS[3], event, event)[1]
    stored[#stored + 1] = (entry and entry[2][2] == ARGV[i + 6]) and 1 or 0
  else
    event = redis.call('XADD', KEYS[3], '*', 'end', ARGV[i + 6])
    redis.call('HSET', KEYS[2], job, event)
    redis.call('HINCRBY', KEYS[1], 'outcome:' .. outcome, 1)
    if kind ~= '' then redis.call('HINCRBY', KEYS[1], 'kind:' .. kind, 1) end
    if outcome == 'failed' then
      redis.call('ZADD', KEYS[4], redis.call('ZCARD', KEYS[4]), event)
    end
    redis.call('HINCRBY', KEYS[1], 'cached', ARGV[i + 3])
    redis.call('HINCRBY', KEYS[1], 'audio_ms', ARGV[i + 4])
    redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[i + 5])
    stored[#stored + 1] = 1
  end
  redis.call('HDEL', KEYS[5], job)
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return stored
