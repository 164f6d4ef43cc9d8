-- Store a value whose lease is still ours. KEYS: the value. ARGV: lease as stored, value as stored, seconds to live.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
