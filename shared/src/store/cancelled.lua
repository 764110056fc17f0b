-- Which of these jobs are cancelled.
-- KEYS: batch, spared
-- ARGV: jobs
local flags = {}
local cancelled = redis.call('HEXISTS', KEYS[1], 'cancelled') == 1
for i = 1, #ARGV do
  flags[i] = (cancelled and redis.call('SISMEMBER', KEYS[2], ARGV[i]) == 0) and 1 or 0
end
return flags
