-- Notes that the broker has the jobs again.
-- ARGV: ttl in seconds, then for each: job, what is needed to publish it
local gone = 0
for i = 2, #ARGV, 2 do
  gone = gone + redis.call('HDEL', UNPUBLISHED, ARGV[i])
  if redis.call('HEXISTS', JOBS, ARGV[i]) == 0 then redis.call('HSET', OPEN, ARGV[i], ARGV[i + 1]) end
end
if gone > 0 then redis.call('HINCRBY', BATCH, 'retrying', -gone) end
note_time('changed_ms')
keep(ARGV[1])
return gone
