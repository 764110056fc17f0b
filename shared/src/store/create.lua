-- Makes a batch, before its first job is published.
-- ARGV: ttl in seconds, created in ms, label
redis.call('HSET', BATCH, 'created_ms', ARGV[2], 'label', ARGV[3])
redis.call('HINCRBY', BATCH, 'accepted', 0)
note_time('changed_ms')
keep(ARGV[1])
return 1
