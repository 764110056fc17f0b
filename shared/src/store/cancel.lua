-- Marks a batch as cancelled, and closes it if nobody has.
-- KEYS: batch, jobs, spared
-- ARGV: ttl in seconds
-- Returns: 0 unknown, 1 complete already (and not marked), 2 marked, 3 marked and closed.
if redis.call('HEXISTS', KEYS[1], 'created_ms') == 0 then return 0 end
local sealed = redis.call('HGET', KEYS[1], 'sealed') == '1'
local accepted, ended = tonumber(redis.call('HGET', KEYS[1], 'accepted') or 0), redis.call('HLEN', KEYS[2])
if sealed and ended >= accepted then return 1 end
redis.call('HSET', KEYS[1], 'cancelled', 1)
-- Who was retried after an earlier cancellation is meant by this one.
redis.call('DEL', KEYS[3])
if not sealed then
  redis.call('HSET', KEYS[1], 'sealed', 1, 'orphan', 1, 'accepted', math.max(accepted, ended))
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return sealed and 2 or 3
