-- Notes what the jobs of a batch need, as long as the batch is there.
-- KEYS: batch
-- ARGV: level, then media roots
if redis.call('EXISTS', KEYS[1]) == 0 then
  return
end
redis.call('HSET', KEYS[1], 'level', ARGV[1])
for place = 2, #ARGV do
  redis.call('HSET', KEYS[1], 'root:' .. ARGV[place], 1)
end
