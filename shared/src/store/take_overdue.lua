-- Takes charge of retries that have been due for too long and are not back; nobody else is given them for as long again.
-- KEYS: retries by the time at which they are due, retries
-- ARGV: how long overdue in milliseconds, how many at most
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local messages = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local message = redis.call('HGET', KEYS[2], job)
  if message then
    redis.call('ZADD', KEYS[1], now, job)
    messages[#messages + 1] = message
  else
    redis.call('ZREM', KEYS[1], job)
  end
end
return messages
