-- Notes that the broker has the jobs again.
-- KEYS: batch, unpublished
-- ARGV: jobs
local gone = redis.call('HDEL', KEYS[2], unpack(ARGV))
if gone > 0 then redis.call('HINCRBY', KEYS[1], 'retrying', -gone) end
return gone
