-- Notes why jobs of a batch are tried again, as long as the batch is there.
-- KEYS: batch
-- ARGV: of each kind of failure: the kind, the cause in words
if redis.call('EXISTS', KEYS[1]) == 0 then
  return
end
for place = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], 'retry_kind:' .. ARGV[place], ARGV[place + 1])
end
