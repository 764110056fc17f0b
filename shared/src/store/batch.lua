-- What the scripts of one batch share. It is put before each of them, and each is called with all keys of the batch.
local BATCH, JOBS, EVENTS, FAILURES, STARTS, WITHDRAWN, UNPUBLISHED, SPARED, OPEN =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]

-- A batch that still misses ends is kept 30 days longer than RESULT_TTL: its jobs may wait in a queue for as long as
-- nobody works.
local MISSING_ENDS_SECONDS = 30 * 24 * 3600

-- Gives the batch the fields without which nobody finds it. They are missing in a batch that another program published,
-- in one that has expired, and after Redis has lost its data. `label` is passed by the producer of the batch alone. It has
-- set the label before, so a label that is missing means that Redis has lost data of this batch: returns 1 then.
local function make_whole(created_ms, label)
  redis.call('HSETNX', BATCH, 'created_ms', created_ms)
  if label and redis.call('HSETNX', BATCH, 'label', label) == 1 then
    redis.call('HSET', BATCH, 'data_lost', 1)
    return 1
  end
  return 0
end

-- Notes in `field` that there was a sign of life of the batch now, by Redis' own clock.
local function note_time(field)
  local time = redis.call('TIME')
  redis.call('HSET', BATCH, field, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
end

-- How long the batch is to be kept from now on.
local function seconds_to_keep(ttl)
  local accepted = tonumber(redis.call('HGET', BATCH, 'accepted') or 0)
  local ended = redis.pcall('HLEN', JOBS)
  -- Somebody else's key in the place of ours fails the ends of this batch, and nothing but them.
  if type(ended) ~= 'number' then ended = 0 end
  if ended < accepted then return ttl + MISSING_ENDS_SECONDS end
  return ttl
end

local function keep(ttl)
  local seconds = seconds_to_keep(tonumber(ttl))
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, seconds) end
end

-- Gives a job its end.
local function record_end(job, outcome, kind, cached, audio_ms, bytes, stored)
  local event = redis.call('XADD', EVENTS, '*', 'end', stored)
  redis.call('HSET', JOBS, job, event)
  redis.call('HDEL', OPEN, job)
  redis.call('HINCRBY', BATCH, 'outcome:' .. outcome, 1)
  if kind ~= '' then redis.call('HINCRBY', BATCH, 'kind:' .. kind, 1) end
  if outcome == 'failed' then
    -- After the last one; not by their number, which a retry makes smaller.
    local last = redis.call('ZREVRANGE', FAILURES, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', FAILURES, last and last + 1 or 0, event)
  end
  redis.call('HINCRBY', BATCH, 'cached', cached)
  redis.call('HINCRBY', BATCH, 'audio_ms', audio_ms)
  redis.call('HINCRBY', BATCH, 'bytes', bytes)
end
