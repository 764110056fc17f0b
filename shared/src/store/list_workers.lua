-- Lists the announcements that still count, each followed by its age in milliseconds.
-- KEYS: workers
-- ARGV: how long an announcement counts in milliseconds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], now - ARGV[1], '+inf', 'WITHSCORES')
local list = {}
for place = 1, #found, 2 do
  list[#list + 1] = found[place]
  list[#list + 1] = tostring(math.max(0, now - tonumber(found[place + 1])))
end
return list
