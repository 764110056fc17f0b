-- What the scripts share that give a job its end. It is put before each of them.
local function record_end(batch, jobs, events, failures, job, outcome, kind, cached, audio_ms, bytes, stored)
  local event = redis.call('XADD', events, '*', 'end', stored)
  redis.call('HSET', jobs, job, event)
  redis.call('HINCRBY', batch, 'outcome:' .. outcome, 1)
  if kind ~= '' then redis.call('HINCRBY', batch, 'kind:' .. kind, 1) end
  if outcome == 'failed' then
    -- After the last one; not by their number, which a retry makes smaller.
    local last = redis.call('ZREVRANGE', failures, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', failures, last and last + 1 or 0, event)
  end
  redis.call('HINCRBY', batch, 'cached', cached)
  redis.call('HINCRBY', batch, 'audio_ms', audio_ms)
  redis.call('HINCRBY', batch, 'bytes', bytes)
end
