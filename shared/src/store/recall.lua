-- Puts a batch at the end of the list by which workers learn whose running jobs are to end.
-- KEYS: cancelled
-- ARGV: ttl in seconds, batch, how many are kept
-- The score counts up; no clock is asked, so none can be wrong.
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or 0
redis.call('ZADD', KEYS[1], last + 1, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
