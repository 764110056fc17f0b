-- Writes a report, unless a newer analyser has made the one that is there: that one lives on.
-- ARGV: ttl in seconds, report. A report begins with a map's first byte and its rank (`reports.rs`): 26 bytes that compare as they sort.
local rank = string.sub(ARGV[2], 2, 27)
local known = redis.pcall('GETRANGE', KEYS[1], 1, 26)
-- Somebody else's key in the place of ours is no report.
if type(known) == 'string' and string.sub(known, 1, 6) == string.sub(rank, 1, 6) and known > rank then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[1])
return 1
