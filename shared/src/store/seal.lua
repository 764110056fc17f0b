-- Closes a batch: no more jobs will come, and so many were accepted.
-- ARGV: ttl in seconds, created in ms, whether the label is known (0|1), label, accepted
-- Returns 1 if Redis has lost data of this batch since it was made, else 0.
make_whole(ARGV[2], ARGV[3] == '1' and ARGV[4])
redis.call('HSET', BATCH, 'accepted', ARGV[5], 'sealed', 1)
note_time('changed_ms')
keep(ARGV[1])
return redis.call('HEXISTS', BATCH, 'data_lost')
