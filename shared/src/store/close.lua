-- Closes a cancelled batch without the jobs that have no end: nobody knows them by name, and no worker may have them any
-- more. Where one of them ends after all, its end is added.
-- ARGV: ttl in seconds
-- Returns how many jobs were left out.
if redis.call('HEXISTS', BATCH, 'cancelled') == 0 then return 0 end
local accepted, ended = tonumber(redis.call('HGET', BATCH, 'accepted') or 0), redis.call('HLEN', JOBS)
-- Jobs that a retry has taken back, or that are known by name, get their ends otherwise.
local missing = accepted - ended - redis.call('HLEN', OPEN) - redis.call('HLEN', UNPUBLISHED)
if missing <= 0 then return 0 end
redis.call('HSET', BATCH, 'accepted', accepted - missing, 'sealed', 1, 'orphan', 1)
keep(ARGV[1])
return missing
