-- Notes retries that are on their way through the broker, and forgets those that have come back.
-- KEYS: retries by the time at which they are due, retries
-- ARGV: how many come back, their jobs, then of each that was sent: job, delay in milliseconds, message, seconds to keep it
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local returned = tonumber(ARGV[1])
for place = 2, returned + 1 do
  redis.call('ZREM', KEYS[1], ARGV[place])
  redis.call('HDEL', KEYS[2], ARGV[place])
end
for place = returned + 2, #ARGV, 4 do
  redis.call('ZADD', KEYS[1], now + ARGV[place + 1], ARGV[place])
  redis.call('HSET', KEYS[2], ARGV[place], ARGV[place + 2])
  local keep = tonumber(ARGV[place + 3])
  for _, key in ipairs(KEYS) do
    if redis.call('TTL', key) < keep then
      redis.call('EXPIRE', key, keep)
    end
  end
end
