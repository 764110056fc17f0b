-- Says that a worker is there, and drops the announcements that have not been repeated for too long.
-- KEYS: workers
-- ARGV: the announcement, the worker's announcement before this one or an empty text, how long one counts in milliseconds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] ~= '' and ARGV[2] ~= ARGV[1] then
  redis.call('ZREM', KEYS[1], ARGV[2])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
