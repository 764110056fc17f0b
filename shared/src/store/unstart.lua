-- Takes back a start of a job. One that was never counted, since Redis was away, is not taken back.
-- ARGV: job
if tonumber(redis.call('HGET', STARTS, ARGV[1]) or 0) > 1 then return redis.call('HINCRBY', STARTS, ARGV[1], -1) end
redis.call('HDEL', STARTS, ARGV[1])
return 0
