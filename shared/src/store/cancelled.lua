-- Which of these jobs are cancelled.
-- ARGV: jobs
local flags = {}
local cancelled = redis.call('HEXISTS', BATCH, 'cancelled') == 1
for i = 1, #ARGV do
  flags[i] = (cancelled and redis.call('SISMEMBER', SPARED, ARGV[i]) == 0) and 1 or 0
end
return flags
