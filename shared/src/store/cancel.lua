-- Marks a batch as cancelled, and closes it if nobody has.
-- ARGV: ttl in seconds
-- Returns: 0 unknown, 1 complete already (and not marked), 2 marked, 3 marked and closed.
if redis.call('EXISTS', BATCH) == 0 then return 0 end
local sealed = redis.call('HGET', BATCH, 'sealed') == '1'
local accepted, ended = tonumber(redis.call('HGET', BATCH, 'accepted') or 0), redis.call('HLEN', JOBS)
if sealed and ended >= accepted then return 1 end
redis.call('HSET', BATCH, 'cancelled', 1)
-- Who was retried after an earlier cancellation is meant by this one.
redis.call('DEL', SPARED)
if not sealed then
  redis.call('HSET', BATCH, 'sealed', 1, 'orphan', 1, 'accepted', math.max(accepted, ended))
end
keep(ARGV[1])
return sealed and 2 or 3
