-- Takes jobs that are to be published again although they have no end. Their starts do not count any more, as those of a
-- job whose end a retry takes back do not.
-- ARGV: ttl in seconds, jobs
-- Returns for each job what is needed to publish it, or '' if it has an end by now or is not known.
local taken = {}
local cancelled = redis.call('HEXISTS', BATCH, 'cancelled') == 1
for i = 2, #ARGV do
  local job = ARGV[i]
  if redis.call('HEXISTS', JOBS, job) == 1 then
    -- A worker of an older version does not remove it.
    redis.call('HDEL', OPEN, job)
    taken[#taken + 1] = ''
  else
    redis.call('HDEL', STARTS, job)
    taken[#taken + 1] = redis.call('HGET', OPEN, job) or ''
    if cancelled then redis.call('SADD', SPARED, job) end
  end
end
note_time('changed_ms')
keep(ARGV[1])
return taken
